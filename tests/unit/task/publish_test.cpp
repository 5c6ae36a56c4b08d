// SPDX-License-Identifier: Apache-2.0
// What a report leaves on the board and in the metrics.
#include "task/publish.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

config::Settings one_outbox() {
  config::Settings settings;
  config::Outbox outbox;
  outbox.table = {"public", "a"};
  settings.outboxes.push_back(outbox);
  return settings;
}

struct Fixture {
  Fixture() {
    board.order = {"outbox:public.a"};
    board.tasks["outbox:public.a"];
    report.task = "outbox:public.a";
    report.started = UtcTime{1000s};
    report.duration = 500ms;
    report.ended = SteadyTime{70s};
  }
  [[nodiscard]] const TaskEntry& entry() const { return board.tasks.at("outbox:public.a"); }
  [[nodiscard]] bool shows(const std::string& line) const {
    return metrics.render().find(line) != std::string::npos;
  }

  config::Settings settings = one_outbox();
  telemetry::Metrics metrics{settings, "1"};
  Board board;
  Report report;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a success is counted, timed and remembered") {
  publish(report, board, metrics);
  CHECK(entry().runs == 1);
  CHECK(entry().last_success == UtcTime{1000500ms});
  CHECK(entry().silent_since == SteadyTime{70s});
  CHECK(entry().failures_in_a_row == 0);
  CHECK(shows(R"(task_runs_total{outcome="success",task="outbox:public.a"} 1)"));
  CHECK(shows(R"(task_last_success_timestamp_seconds{task="outbox:public.a"} 1000.5)"));
  CHECK(shows(R"(task_duration_seconds_count{task="outbox:public.a"} 1)"));
}

TEST_CASE_FIXTURE(Fixture, "failures in a row are counted until a pass succeeds") {
  report.outcome = Outcome::failure;
  publish(report, board, metrics);
  publish(report, board, metrics);
  CHECK(entry().failures_in_a_row == 2);
  CHECK_FALSE(entry().last_success.has_value());
  CHECK(entry().silent_since == SteadyTime{});
  CHECK(shows(R"(task_runs_total{outcome="failure",task="outbox:public.a"} 2)"));
  report.outcome = Outcome::success;
  publish(report, board, metrics);
  CHECK(entry().failures_in_a_row == 0);
}

TEST_CASE_FIXTURE(Fixture, "findings are counted by severity, and gone when they are gone") {
  report.outcome = Outcome::needs_person;
  report.findings = {Finding{Severity::critical, "a", "x", "y"},
                     Finding{Severity::critical, "b", "x", "y"}};
  publish(report, board, metrics);
  CHECK(shows(R"(findings{severity="critical",task="outbox:public.a"} 2)"));
  report.findings.clear();
  publish(report, board, metrics);
  CHECK(shows(R"(findings{severity="critical",task="outbox:public.a"} 0)"));
}

TEST_CASE_FIXTURE(Fixture, "a failed observation leaves the details of the last good one") {
  report.details = Details{nlohmann::ordered_json{{"rows", 7}}};
  publish(report, board, metrics);
  report.details = Details{};
  report.outcome = Outcome::failure;
  publish(report, board, metrics);
  CHECK(entry().last->details.json()["rows"] == 7);
  CHECK(entry().last->outcome == Outcome::failure);
}

TEST_CASE_FIXTURE(Fixture, "no JSON is made of details that nobody asks for") {
  int made = 0;
  report.details = Details{[&made] { return nlohmann::ordered_json(++made); }};
  publish_observation(report, board, metrics);
  publish(report, board, metrics);
  report.details = Details{};
  publish(report, board, metrics);
  CHECK(made == 0);
  CHECK(entry().last->details.json() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a pass cancelled at its deadline is counted as an overrun") {
  report.outcome = Outcome::failure;
  report.deadline_passed = true;
  publish(report, board, metrics);
  CHECK(entry().overruns == 1);
}

TEST_CASE_FIXTURE(Fixture, "samples reach the metrics") {
  report.samples = {telemetry::Sample{telemetry::Metric::outbox_rows, {"public.a", "pending"}, 42}};
  publish(report, board, metrics);
  CHECK(shows(R"(outbox_rows{state="pending",table="public.a"} 42)"));
}

TEST_CASE_FIXTURE(Fixture, "the report of a task that a reload removed changes nothing") {
  report.task = "outbox:public.gone";
  publish(report, board, metrics);
  CHECK(board.tasks.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "progress shows at once, is a sign of life, and ends with the pass") {
  const telemetry::Sample gauge{telemetry::Metric::outbox_rows, {"public.a", "pending"}, 7};
  const StepProgress half{"half of it", 0.5, {gauge}};
  publish_progress("outbox:public.a", half, SteadyTime{60s}, board, metrics);
  REQUIRE(entry().progress);
  CHECK(entry().progress->text == "half of it");
  CHECK(entry().silent_since == SteadyTime{60s});
  CHECK(shows(R"(outbox_rows{state="pending",table="public.a"} 7)"));
  CHECK(entry().runs == 0);
  publish(report, board, metrics);
  CHECK_FALSE(entry().progress);
  publish_progress("outbox:public.gone", half, SteadyTime{60s}, board, metrics);
  CHECK(board.tasks.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "what was observed shows before the pass has ended, and is no pass") {
  report.samples = {telemetry::Sample{telemetry::Metric::outbox_rows, {"public.a", "pending"}, 42}};
  report.findings = {Finding{Severity::warning, "a", "x", "y"}};
  publish_observation(report, board, metrics);
  CHECK(shows(R"(outbox_rows{state="pending",table="public.a"} 42)"));
  CHECK(shows(R"(findings{severity="warning",task="outbox:public.a"} 1)"));
  CHECK(entry().runs == 0);
  CHECK_FALSE(entry().last.has_value());
}
