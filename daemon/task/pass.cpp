// SPDX-License-Identifier: Apache-2.0
// The pass.
#include "task/pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <set>

#include "async/with_deadline.hpp"
#include "task/clock_check.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::task {

namespace {

using telemetry::Fields;
using telemetry::log_error;
using telemetry::log_info;
using telemetry::log_warn;

template <class Unit = Duration>
Unit since(SteadyTime start, const async::Clock& clock) {
  return std::chrono::duration_cast<Unit>(clock.now() - start);
}

Fields error_fields(const std::string& task, const pg::Error& error) {
  Fields fields{{"task", task}};
  if (!error.statement().empty()) {
    fields.push_back({"statement", error.statement()});
  }
  if (!error.sqlstate().empty()) {
    fields.push_back({"sqlstate", error.sqlstate()});
  }
  return fields;
}

void log_act(const std::string& task, const Act& act, const pg::Error* error) {
  Fields fields = error != nullptr ? error_fields(task, *error) : Fields{{"task", task}};
  fields.push_back({"subject", act.subject});
  fields.push_back({"action", act.action});
  fields.push_back({"result", act.result});
  fields.push_back({"duration_ms", act.duration.count()});
  if (act.rows != 0) {
    fields.push_back({"rows", act.rows});
  }
  if (error != nullptr) {
    log_error(fmt::format("{} {} failed: {}", act.action, act.subject, error->message()), fields);
  } else if (!act.error.empty()) {
    log_warn(fmt::format("{} {} failed: {}", act.action, act.subject, act.error), fields);
  } else if (act.result == "done") {
    log_info(fmt::format("{} {}: {}", act.action, act.subject, act.reason), fields);
  } else {
    log_warn(fmt::format("{} {} not done this time", act.action, act.subject), fields);
  }
}

std::string_view result_text(Applied::Kind kind) {
  switch (kind) {
    case Applied::Kind::done:
      return "done";
    case Applied::Kind::nothing:
      return "nothing";
    case Applied::Kind::yielded:
      break;
  }
  return "yielded";
}

template <class T>
void append(std::vector<T>& to, std::vector<T> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

/// What a step found may stand in the observation after it as well: once is enough.
void append_new(std::vector<Finding>& to, std::vector<Finding> from) {
  for (auto& finding : from) {
    const bool known = std::ranges::any_of(to, [&](const Finding& other) {
      return other.code == finding.code && other.subject == finding.subject;
    });
    if (!known) {
      to.push_back(std::move(finding));
    }
  }
}

/// A pass under way: the report it fills, and what its steps came to.
struct Progress {
  Report report;
  std::vector<Finding> step_findings;  // found while acting; observation cannot see them again
  bool acted = false;                  // something may have changed: look again
  bool failed = false;
  bool yielded = false;
  bool held_back = false;                  // may_act said no
  std::set<std::string> stopped_actions;   // see Applied
  std::set<std::string> stopped_subjects;  // a step about them did not end well
  SteadyTime deadline{};                   // moves on when a long step shows progress
};

/// However the step ended, what stands in `applied` is committed.
void note_act(Progress& progress, Act act, Applied applied, const pg::Error* error) {
  act.rows = applied.rows;
  append(progress.step_findings, std::move(applied.findings));
  append(progress.report.samples, std::move(applied.samples));
  if (act.error.empty()) {
    act.result = result_text(applied.kind);
    const bool has_yielded = applied.kind == Applied::Kind::yielded;
    progress.yielded = progress.yielded || (has_yielded && !applied.can_wait);
    if (applied.stops_action) progress.stopped_actions.insert(act.action);
    if (applied.kind != Applied::Kind::done) progress.stopped_subjects.insert(act.subject);
  } else {
    progress.stopped_subjects.insert(act.subject);
    act.result = "failed";
    progress.failed = true;
    progress.step_findings.push_back(Finding{Severity::warning, "step_failed", act.subject,
                                             fmt::format("{} failed: {}", act.action, act.error)});
  }
  log_act(progress.report.task, act, error);
  progress.report.acts.push_back(std::move(act));
}

bool is_cancel(const std::exception& error) {
  const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
  return system != nullptr && system->code() == asio::error::operation_aborted;
}

Awaitable<void> apply_step(Task& task, pg::Connection& connection, const Step& step,
                           const Surroundings& around, Progress& progress) {
  const SteadyTime start = around.clock.now();
  Act act{step.action, step.subject, "", step.reason, 0, Duration{0}, ""};
  Applied applied;
  progress.acted = true;
  try {
    co_await task.apply(connection, step, around, applied);
  } catch (const pg::Error& error) {
    act.duration = since(start, around.clock);
    act.error = error.what();
    note_act(progress, std::move(act), std::move(applied), &error);
    if (connection.state() != pg::SessionState::ready) {
      throw;
    }
    co_return;
  } catch (const std::exception& error) {
    act.duration = since(start, around.clock);
    act.error = is_cancel(error) ? "interrupted" : error.what();
    note_act(progress, std::move(act), std::move(applied), nullptr);
    throw;
  }
  act.duration = since(start, around.clock);
  note_act(progress, std::move(act), std::move(applied), nullptr);
}

void adopt_plan(Report& report, Plan&& plan) {
  append(report.samples, std::move(plan.samples));
  report.findings = std::move(plan.findings);
  report.details = std::move(plan.details);
}

Awaitable<Plan> plan_checked(Task& task, pg::Connection& connection, const async::Clock& clock,
                             std::optional<UtcTime> as_of) {
  const UtcTime before = clock.utc_now();
  const SteadyTime steady_before = clock.now();
  Plan plan = co_await task.plan(connection, as_of);
  if (!as_of) {
    withhold_when_clocks_differ(plan, before, clock.utc_now());
    task.clock_watch().look(plan.as_of, steady_before, clock.now(), task.tolerated_jump());
    withhold_after_jump(plan, task.clock_watch());
  }
  co_return plan;
}

Awaitable<void> observe_and_act(Task& task, pg::Pool& pool, async::Clock& clock,
                                const PassOptions& options, Progress& progress) {
  const SteadyTime started = clock.now();
  const pg::Loan loan = co_await pool.acquire();
  pg::Connection& connection = loan.connection();
  Plan plan = co_await plan_checked(task, connection, clock, options.as_of);
  const std::vector<Step> steps = std::move(plan.steps);
  adopt_plan(progress.report, std::move(plan));
  if (!steps.empty()) options.observed(progress.report);
  const auto others_wait = [&pool] { return pool.waiting() > 0; };
  const auto on_progress = [&](const StepProgress& seen) {
    progress.deadline = clock.now() + std::max(task.deadline(), seen.quiet);
    options.progress(seen);
  };
  const Surroundings around{clock, started, options.may_act, others_wait, on_progress, &pool};
  for (const Step& step : steps) {
    const bool may_act = options.may_act();
    const bool is_stopped = progress.stopped_actions.contains(step.action) ||
                            progress.stopped_subjects.contains(step.subject) ||
                            (step.upkeep && (progress.failed || progress.yielded));
    if (!may_act || is_stopped) {
      progress.held_back = progress.held_back || !may_act;
      progress.stopped_subjects.insert(step.subject);  // what follows was planned on top of it
      progress.report.acts.push_back(
          Act{step.action, step.subject, "planned", step.reason, 0, Duration{0}, ""});
      continue;
    }
    co_await apply_step(task, connection, step, around, progress);
  }
  if (!progress.acted) {
    co_return;
  }
  Plan after = co_await plan_checked(task, connection, clock, options.as_of);
  // What a lost race left undone may have been done by the winner: then nothing is missing.
  progress.yielded = progress.yielded && !after.steps.empty();
  adopt_plan(progress.report, std::move(after));
}

Outcome outcome_of(const Progress& progress) {
  if (progress.failed || !progress.report.error.empty()) {
    return Outcome::failure;
  }
  const bool critical = std::ranges::any_of(progress.report.findings, [](const Finding& finding) {
    return finding.severity == Severity::critical;
  });
  if (critical) {
    return Outcome::needs_person;
  }
  if (progress.yielded) {
    return Outcome::failure;
  }
  return progress.held_back ? Outcome::skipped : Outcome::success;
}

void note_pass_error(Progress& progress, const pg::Error& error) {
  progress.report.error = error.what();
  progress.report.connection_lost = error.is_connection_lost();
  log_error("pass failed: " + error.message(), error_fields(progress.report.task, error));
}

/// Cancelled from outside (a stop), or a bug.
void note_end(Progress& progress, const std::exception& error) {
  if (is_cancel(error)) {
    progress.report.error = "cancelled";
    log_warn("pass cancelled", Fields{{"task", progress.report.task}});
    return;
  }
  progress.report.error = fmt::format("internal error: {}", error.what());
  log_error("pass failed: " + progress.report.error, Fields{{"task", progress.report.task}});
}

}  // namespace

Awaitable<Report> run_pass(Task& task, pg::Pool& pool, async::Clock& clock, PassOptions options) {
  Progress progress;
  progress.report.task = task.name();
  progress.report.started = clock.utc_now();
  progress.report.watched = !options.may_act();
  const SteadyTime start = clock.now();
  progress.deadline = start + task.deadline();
  Awaitable<void> work = observe_and_act(task, pool, clock, options, progress);
  try {
    const bool finished = co_await async::with_moving_deadline(std::move(work), progress.deadline);
    if (!finished) {
      progress.report.deadline_passed = true;
      progress.report.error =
          fmt::format("cancelled at its deadline of {} s", task.deadline().count() / 1000);
      log_error("pass " + progress.report.error, Fields{{"task", task.name()}});
    }
  } catch (const pg::Error& error) {
    note_pass_error(progress, error);
  } catch (const std::exception& error) {
    note_end(progress, error);
  }
  append_new(progress.report.findings, std::move(progress.step_findings));
  progress.report.unfinished = progress.yielded;
  progress.report.ended = clock.now();
  progress.report.duration = since<std::chrono::microseconds>(start, clock);
  progress.report.outcome = outcome_of(progress);
  co_return std::move(progress.report);
}

Awaitable<Plan> plan_only(Task& task, pg::Pool& pool, const async::Clock& clock) {
  const pg::Loan loan = co_await pool.acquire();
  Plan plan = co_await plan_checked(task, loan.connection(), clock, std::nullopt);
  co_return plan;
}

}  // namespace pgcaretaker::task
