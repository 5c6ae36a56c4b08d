// SPDX-License-Identifier: Apache-2.0
// Tasks of a configuration, and what becomes of them when it is read again.
#include "app/tasks.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace std::chrono_literals;

namespace {

config::Settings with_tables(const std::vector<std::string>& names) {
  config::Settings settings;
  for (const std::string& name : names) {
    config::Partition section;
    section.table = {"public", name};
    settings.partitions.push_back(section);
  }
  return settings;
}

std::vector<std::shared_ptr<task::Task>> made(
    const config::Settings& settings, const config::Settings* before = nullptr,
    const std::vector<std::shared_ptr<task::Task>>& tasks_before = {}) {
  return app::make_tasks(settings, nullptr, before, tasks_before);
}

}  // namespace

TEST_CASE("a reload keeps the tasks of sections that are as they were, and makes the others anew") {
  const config::Settings before = with_tables({"same", "changed", "gone"});
  const auto first = made(before);
  config::Settings after = with_tables({"new", "changed", "same"});
  after.partitions[1].ahead = 7;
  const auto second = made(after, &before, first);
  REQUIRE(second.size() == first.size());
  CHECK(second[2] == first[0]);
  CHECK(second[1] != first[1]);
  CHECK(second[1]->name() == first[1]->name());
  CHECK(second[0]->name() == "partition:public.new");
}

TEST_CASE("a reload ends the doubt about a clock that has jumped: somebody is there") {
  const config::Settings settings = with_tables({"same"});
  const auto first = made(settings);
  task::ClockWatch& watch = first[0]->clock_watch();
  const UtcTime server = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
  watch.look(server, SteadyTime{1h}, SteadyTime{1h}, 24h);
  watch.look(server + 400 * 24h, SteadyTime{2h}, SteadyTime{2h}, 24h);
  REQUIRE(watch.jump().has_value());
  const auto second = made(settings, &settings, first);
  REQUIRE(second[0] == first[0]);
  CHECK_FALSE(watch.jump().has_value());
}
