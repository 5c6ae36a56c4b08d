// SPDX-License-Identifier: Apache-2.0
// What is planned by age waits until the clocks agree.
#include "task/clock_check.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

const UtcTime ours = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};

Plan plan_seen_at(UtcTime server) {
  Plan plan;
  plan.as_of = server;
  Step create;
  create.action = "create";
  Step drop;
  drop.action = "drop";
  drop.by_age = true;
  plan.steps = {create, drop, drop};
  return plan;
}

}  // namespace

TEST_CASE("clocks that agree within 10 s change nothing") {
  for (const auto difference : {-10s, -1s, 0s, 1s, 10s}) {
    Plan plan = plan_seen_at(ours + difference);
    withhold_when_clocks_differ(plan, ours, ours);
    CHECK(plan.steps.size() == 3);
    CHECK(plan.findings.empty());
  }
}

TEST_CASE("clocks that differ keep every step that was planned by age, and only those") {
  for (const auto difference : {-400 * 24h, -12h, 12h, 400 * 24h}) {
    Plan plan = plan_seen_at(ours + difference);
    withhold_when_clocks_differ(plan, ours, ours);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps[0].action == "create");
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].severity == Severity::critical);
    CHECK(plan.findings[0].code == "clocks_differ");
  }
}

TEST_CASE("the finding says which clock is ahead, and by how much") {
  Plan plan = plan_seen_at(ours + 1h);
  withhold_when_clocks_differ(plan, ours, ours);
  CHECK(plan.findings.at(0).text ==
        "2 steps not done: the server's clock is 3600 s ahead of this machine's; set right the "
        "wrong one, nothing is retired before");
}

TEST_CASE("a difference that keeps nothing from being done is no finding") {
  Plan plan;
  plan.as_of = ours + 1h;
  withhold_when_clocks_differ(plan, ours, ours);
  CHECK(plan.findings.empty());
}

TEST_CASE("the time that observing took is no difference") {
  for (const auto server : {ours - 10s, ours + 30s, ours + 70s}) {
    Plan plan = plan_seen_at(server);
    withhold_when_clocks_differ(plan, ours, ours + 1min);
    CHECK(plan.steps.size() == 3);
  }
  Plan plan = plan_seen_at(ours + 75s);
  withhold_when_clocks_differ(plan, ours, ours + 1min);
  CHECK(plan.steps.size() == 1);
}

TEST_CASE("a server's clock that jumps between two passes keeps what was planned by age") {
  const SteadyTime steady{1000h};
  for (const auto& [jump, words] :
       {std::pair{26h, "went ahead by 93600 s"}, std::pair{-26h, "went back by 93600 s"}}) {
    ClockWatch watch;
    watch.look(ours, steady, steady, 24h);
    Plan plan = plan_seen_at(ours);
    withhold_after_jump(plan, watch);
    CHECK(plan.steps.size() == 3);
    watch.look(ours + 6h + jump, steady + 6h, steady + 6h, 24h);
    withhold_after_jump(plan, watch);
    CHECK(plan.steps.size() == 1);
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].code == "clock_jumped");
    CHECK(plan.findings[0].severity == Severity::critical);
    CHECK(plan.findings[0].text.find(words) != std::string::npos);
  }
}

TEST_CASE("a jump is in doubt until a person looks, not until the next pass") {
  const SteadyTime steady{1000h};
  ClockWatch watch;
  watch.look(ours, steady, steady, 24h);
  watch.look(ours + 25h, steady, steady, 24h);
  watch.look(ours + 26h, steady + 1h, steady + 1h, 24h);
  CHECK(watch.jump().has_value());
  watch.person_looked();
  CHECK_FALSE(watch.jump().has_value());
  watch.look(ours + 100h, steady + 2h, steady + 2h, 24h);
  CHECK_FALSE(watch.jump().has_value());
}

TEST_CASE("a clock that moves as far as ours, or little more, is no jump") {
  const SteadyTime steady{1000h};
  ClockWatch watch;
  watch.look(ours, steady, steady, 24h);
  watch.look(ours + 500h, steady + 500h, steady + 500h, 24h);
  watch.look(ours + 530h, steady + 506h, steady + 506h, 24h);
  CHECK_FALSE(watch.jump().has_value());
}

TEST_CASE("the time that planning took is no jump, before it or after it") {
  const SteadyTime steady{1000h};
  for (const auto& [first, second] :
       {std::pair{0min, 3min}, std::pair{3min, 0min}, std::pair{3min, 3min}}) {
    for (const auto read : {0min, 3min}) {
      ClockWatch watch;
      const auto at = [](std::chrono::minutes asked, std::chrono::minutes took) {
        return std::min(asked, took);
      };
      watch.look(ours + at(read, first), steady, steady + first, 1min);
      watch.look(ours + 6h + at(read, second), steady + 6h, steady + 6h + second, 1min);
      CHECK_FALSE(watch.jump().has_value());
    }
  }
}

TEST_CASE("a jump beyond what planning took and what is tolerated is one") {
  const SteadyTime steady{1000h};
  ClockWatch watch;
  watch.look(ours, steady, steady + 3min, 1min);
  watch.look(ours + 6h + 10min, steady + 6h, steady + 6h + 3min, 1min);
  CHECK(watch.jump() == Duration{7min});
}
