// SPDX-License-Identifier: Apache-2.0
// What an outbox's snapshot makes the daemon do and say.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "outbox/plan.hpp"
#include "outbox_settings.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::outbox;
using task::Severity;

namespace {

const task::Finding* finding(const task::Plan& plan, const std::string& code) {
  const auto found = std::find_if(plan.findings.begin(), plan.findings.end(),
                                  [&](const task::Finding& each) { return each.code == code; });
  return found == plan.findings.end() ? nullptr : &*found;
}

double sample(const task::Plan& plan, telemetry::Metric metric, const std::string& state) {
  for (const auto& each : plan.samples) {
    if (each.metric == metric && each.labels.at(1) == state) {
      CHECK(each.labels.at(0) == "public.event_outbox");
      return each.value;
    }
  }
  FAIL("no sample for " << state);
  return 0;
}

Snapshot with_dead(std::int64_t rows, std::int64_t due) {
  Snapshot snapshot = test::event_outbox_snapshot();
  snapshot.states[1] = test::counted(State::done, 10, 0, 5);
  snapshot.states[2] = test::counted(State::dead, rows, due, 3e6);
  return snapshot;
}

}  // namespace

TEST_CASE("finished rows past their keep are swept") {
  const auto plan = outbox::plan(test::event_outbox_snapshot(), test::event_outbox());
  CHECK(plan.findings.empty());
  REQUIRE(plan.steps.size() == 1);
  const task::Step& step = plan.steps[0];
  CHECK(step.action == "sweep");
  CHECK(step.subject == "public.event_outbox done");
  CHECK(step.reason == "1,204 rows finished more than 7 days ago");
  CHECK(step.lock == "ROW EXCLUSIVE on public.event_outbox");
  CHECK_FALSE(step.reversible);
  REQUIRE(step.statements.size() == 2);
  CHECK(step.statements[0].name == "outbox.heap_blocks");
  CHECK(step.statements[0].params == std::vector<std::string>{"\"public\".\"event_outbox\""});
  CHECK(step.statements[1].name == "outbox.sweep");
  CHECK(step.statements[1].params ==
        std::vector<std::string>{"2026-11-16 12:00:00+00", "(0,0)", "(32,0)"});
}

TEST_CASE("nothing due, nothing planned") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.states[1].due_rows = 0;
  const auto plan = outbox::plan(snapshot, test::event_outbox());
  CHECK(plan.steps.empty());
  CHECK(plan.findings.empty());
}

TEST_CASE("the reason counts like a person") {
  struct Case {
    std::int64_t due;
    bool estimate;
    Duration keep;
    const char* reason;
  };
  using namespace std::chrono_literals;
  for (const Case& each : {
           Case{1, false, std::chrono::days{1}, "1 row finished more than 1 day ago"},
           Case{999, false, std::chrono::days{30}, "999 rows finished more than 30 days ago"},
           Case{1234567, true, 36h, "about 1,234,567 rows finished more than 1d 12h ago"},
           Case{2, false, 0s, "2 rows finished more than 0s ago"},
       }) {
    auto snapshot = test::event_outbox_snapshot();
    snapshot.states[1].due_rows = each.due;
    snapshot.states[1].due_is_estimate = each.estimate;
    auto settings = test::event_outbox();
    settings.done->keep = each.keep;
    const auto plan = outbox::plan(snapshot, settings);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps[0].reason == each.reason);
  }
}

TEST_CASE("dead rows have a step of their own, with their own keep") {
  auto snapshot = with_dead(40, 12);
  snapshot.states[1].due_rows = 3;
  const auto plan = outbox::plan(snapshot, test::event_outbox());
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].subject == "public.event_outbox done");
  CHECK(plan.steps[1].subject == "public.event_outbox dead");
  CHECK(plan.steps[1].reason == "12 rows dead and older than 30 days");
  CHECK(plan.steps[1].statements.at(1).params.at(0) == "2026-10-24 12:00:00+00");
  CHECK(plan.steps[1].statements.at(1).sql.find("available_at = 'infinity'") != std::string::npos);
}

TEST_CASE("an action of a later version touches nothing and says so") {
  auto settings = test::event_outbox();
  for (const auto action : {config::DeadAction::archive, config::DeadAction::requeue}) {
    settings.dead->action = action;
    const auto plan = outbox::plan(with_dead(40, 12), settings);
    CHECK(plan.steps.empty());
    REQUIRE(finding(plan, "action_not_available") != nullptr);
    CHECK(finding(plan, "action_not_available")->severity == Severity::warning);
    CHECK(finding(plan, "action_not_available")->subject == "public.event_outbox dead");
    CHECK(outbox::plan(with_dead(40, 0), settings).findings.empty());
  }
  CHECK(outbox::plan(with_dead(40, 12), settings).findings[0].text ==
        "12 rows dead and older than 30 days, and left alone: action \"requeue\" is not available "
        "in this version");
  settings.done->action = config::DoneAction::archive;
  const auto plan = outbox::plan(test::event_outbox_snapshot(), settings);
  CHECK(plan.steps.empty());
  CHECK(finding(plan, "action_not_available") != nullptr);
}

TEST_CASE("dead rows that are only reported are worth reading, no more") {
  auto settings = test::event_outbox();
  settings.dead->action = config::DeadAction::report;
  const auto plan = outbox::plan(with_dead(40, 12), settings);
  CHECK(plan.steps.empty());
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0].severity == Severity::info);
  CHECK(plan.findings[0].code == "dead_rows_due");
}

TEST_CASE("each leaf of a partitioned outbox has its statements") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.heaps = {{{"public", "leaf_1"}, 10, true}, {{"public", "leaf_2"}, 10, true}};
  const auto plan = outbox::plan(snapshot, test::event_outbox());
  REQUIRE(plan.steps.size() == 1);
  REQUIRE(plan.steps[0].statements.size() == 4);
  CHECK(plan.steps[0].statements[3].sql.find("\"leaf_2\"") != std::string::npos);
  CHECK(plan.steps[0].lock == "ROW EXCLUSIVE on public.event_outbox");
}

TEST_CASE("a heap that the role may not delete from is named and left out") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.heaps = {{{"public", "leaf_1"}, 10, false}, {{"public", "leaf_2"}, 10, true}};
  const auto plan = outbox::plan(snapshot, test::event_outbox());
  REQUIRE(finding(plan, "missing_privilege") != nullptr);
  CHECK(finding(plan, "missing_privilege")->severity == Severity::critical);
  CHECK(finding(plan, "missing_privilege")->text ==
        "caretaker may not delete from public.leaf_1: GRANT DELETE ON public.leaf_1 TO "
        "\"caretaker\"");
  CHECK(plan.steps.at(0).statements.size() == 2);
  snapshot.heaps.pop_back();
  CHECK(outbox::plan(snapshot, test::event_outbox()).steps.empty());
}

TEST_CASE("no DELETE is asked for when nothing is to be deleted") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.heaps[0].may_delete = false;
  auto settings = test::event_outbox();
  settings.done->action = config::DoneAction::archive;
  settings.dead->action = config::DeadAction::report;
  CHECK(finding(outbox::plan(snapshot, settings), "missing_privilege") == nullptr);
}

TEST_CASE("a table that is not there, or none, needs a person") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.heaps.clear();
  snapshot.states.assign(1, StateCount{});
  snapshot.kind = TableKind::missing;
  auto plan = outbox::plan(snapshot, test::event_outbox());
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0] ==
        task::Finding{Severity::critical, "table_missing", "public.event_outbox",
                      "outbox.table public.event_outbox does not exist: correct the name or create "
                      "the table"});
  snapshot.kind = TableKind::something_else;
  plan = outbox::plan(snapshot, test::event_outbox());
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0].code == "not_a_table");
}

TEST_CASE("a state that cannot be counted is a finding, and the others go on") {
  struct Case {
    Obstacle obstacle;
    Severity severity;
    const char* code;
    const char* text;
  };
  const std::string words = "column \"pendign\" does not exist";
  for (const Case& each : {
           Case{{Obstacle::Kind::bad_expression, "outbox.pending", words},
                Severity::critical,
                "bad_expression",
                "outbox.pending of public.event_outbox cannot be used: column \"pendign\" does not "
                "exist"},
           Case{{Obstacle::Kind::no_privilege, "", "permission denied for table event_outbox"},
                Severity::critical,
                "missing_privilege",
                "caretaker may not read public.event_outbox: permission denied for table "
                "event_outbox; GRANT SELECT ON public.event_outbox TO \"caretaker\""},
           Case{{Obstacle::Kind::locked, "", ""},
                Severity::warning,
                "table_locked",
                "public.event_outbox is locked by another session: not counted this time"},
           Case{{Obstacle::Kind::too_slow, "", ""},
                Severity::warning,
                "count_too_slow",
                "counting even a sample of public.event_outbox took too long: not counted this "
                "time"},
       }) {
    auto snapshot = test::event_outbox_snapshot();
    snapshot.states[0] = StateCount{};
    snapshot.states[0].obstacle = each.obstacle;
    const auto plan = outbox::plan(snapshot, test::event_outbox());
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0] ==
          task::Finding{each.severity, each.code, "public.event_outbox pending", each.text});
    CHECK(plan.steps.size() == 1);
    CHECK(std::isnan(sample(plan, telemetry::Metric::outbox_rows, "pending")));
    CHECK(plan.details.json()["states"][0]["rows"].is_null());
  }
}

TEST_CASE("gauges and details are what was observed") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.states[1].rows_are_estimate = true;
  const auto plan = outbox::plan(snapshot, test::event_outbox());
  using telemetry::Metric;
  CHECK(plan.samples.size() == 6);
  CHECK(sample(plan, Metric::outbox_rows, "pending") == 12);
  CHECK(sample(plan, Metric::outbox_oldest_seconds, "pending") == 3.5);
  CHECK(sample(plan, Metric::outbox_rows, "done") == 5000);
  CHECK(sample(plan, Metric::outbox_oldest_seconds, "dead") == 0);
  CHECK(plan.details.json().dump() == R"({"table":"public.event_outbox","states":[)"
                                      R"({"state":"pending","rows":12,"rows_are_estimate":false,)"
                                      R"("oldest_seconds":3.5,"due_rows":null},)"
                                      R"({"state":"done","rows":5000,"rows_are_estimate":true,)"
                                      R"("oldest_seconds":700000.0,"due_rows":1204},)"
                                      R"({"state":"dead","rows":0,"rows_are_estimate":false,)"
                                      R"("oldest_seconds":null,"due_rows":0}]})");
  CHECK(plan.as_of == snapshot.as_of);
}

TEST_CASE("an age that is not known is not a zero") {
  auto snapshot = test::event_outbox_snapshot();
  snapshot.states[1].oldest_seconds.reset();  // rows, but only infinite ages
  const auto plan = outbox::plan(snapshot, test::event_outbox());
  CHECK(std::isnan(sample(plan, telemetry::Metric::outbox_oldest_seconds, "done")));
}

TEST_CASE("a big heap is read from end to end only when that is worth it") {
  struct Case {
    std::int64_t pages;
    std::int64_t due;
    double oldest_seconds;
    bool worth;
  };
  constexpr double keep = 7 * 86400;
  const std::int64_t rows = 10'000'000;
  for (const Case& each : {
           Case{16384, 1, keep, true},        // small: always
           Case{16385, 1, keep + 60, false},  // one row, due for a minute
           Case{500000, 99999, keep + 60, false},
           Case{500000, 100000, keep + 60, true},  // one row in a hundred
           Case{500000, 1, keep * 1.02, true},     // due for long
           Case{500000, 0, keep * 2, false},
       }) {
    auto snapshot = test::event_outbox_snapshot();
    snapshot.heaps[0].pages = each.pages;
    const auto count = test::counted(State::done, rows, each.due, each.oldest_seconds);
    snapshot.states[1] = count;
    CAPTURE(each.due);
    CHECK(worth_a_sweep(count, snapshot, std::chrono::days{7}) == each.worth);
    CHECK(outbox::plan(snapshot, test::event_outbox()).steps.empty() == !each.worth);
  }
}
