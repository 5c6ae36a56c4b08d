// SPDX-License-Identifier: Apache-2.0
// The plan of an outbox.
#include "outbox/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "config/duration.hpp"
#include "outbox/batch.hpp"
#include "outbox/statement.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::outbox {

namespace {

using task::Finding;
using task::Severity;
using telemetry::Metric;

// Blocks of 8 KiB: 128 MiB, read in well under a second even from a disk.
constexpr std::int64_t small_heap_pages = 16384;

enum class Action { none, delete_rows, archive, requeue, report };

std::string_view action_text(Action action) {
  switch (action) {
    case Action::none:
      return "none";
    case Action::delete_rows:
      return "delete";
    case Action::archive:
      return "archive";
    case Action::requeue:
      return "requeue";
    case Action::report:
      break;
  }
  return "report";
}

Action action_of(State state, const config::Outbox& settings) {
  if (state == State::done && settings.done) {
    return settings.done->action == config::DoneAction::archive ? Action::archive
                                                                : Action::delete_rows;
  }
  if (state == State::dead && settings.dead) {
    switch (settings.dead->action) {
      case config::DeadAction::archive:
        return Action::archive;
      case config::DeadAction::delete_rows:
        return Action::delete_rows;
      case config::DeadAction::requeue:
        return Action::requeue;
      case config::DeadAction::report:
        return Action::report;
    }
  }
  return Action::none;
}

/// 1204 -> "1,204"
std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

/// "30 days", as people count retention, rather than "4w 2d".
std::string keep_text(Duration keep) {
  const auto days = std::chrono::floor<std::chrono::days>(keep);
  if (days != keep || days.count() == 0) return config::duration_text(keep);
  return fmt::format("{} {}", days.count(), days.count() == 1 ? "day" : "days");
}

/// "1,204 rows finished more than 7 days ago"
std::string due_text(const StateCount& count, const Terms& terms) {
  const std::int64_t due = count.due_rows.value_or(0);
  const std::string keep = keep_text(terms.keep.value_or(Duration{0}));
  const std::string rows = fmt::format("{}{} {}", count.due_is_estimate ? "about " : "",
                                       grouped(due), due == 1 ? "row" : "rows");
  return count.state == State::done ? fmt::format("{} finished more than {} ago", rows, keep)
                                    : fmt::format("{} dead and older than {}", rows, keep);
}

task::Step sweep(const Snapshot& snapshot, const config::Outbox& settings, const Terms& terms,
                 const StateCount& count) {
  task::Step step;
  step.action = "sweep";
  step.subject = subject_of(settings.table, terms.state);
  step.reason = due_text(count, terms);
  step.lock = "ROW EXCLUSIVE on " + settings.table.text();
  step.reversible = false;
  step.rows = count.due_rows;
  step.by_age = true;
  const std::string cutoff = pg::format_timestamp(*cutoff_of(terms, snapshot.as_of));
  for (const Heap& heap : snapshot.heaps) {
    if (!heap.may_delete) continue;
    step.statements.push_back(
        task::Statement{"outbox.heap_blocks", heap_blocks_sql, {heap.table.sql()}, 1});
    step.statements.push_back(
        task::Statement{"outbox.sweep",
                        sweep_sql(settings.table, heap.table, terms),
                        {cutoff, block_address(0), block_address(first_batch_blocks)},
                        std::nullopt});
  }
  return step;
}

Finding obstacle_finding(const Obstacle& obstacle, const config::Outbox& settings,
                         const std::string& subject, const std::string& role) {
  const std::string table = settings.table.text();
  switch (obstacle.kind) {
    case Obstacle::Kind::bad_expression:
      return {Severity::critical, "bad_expression", subject,
              fmt::format("{} of {} cannot be used: {}", obstacle.key, table, obstacle.message)};
    case Obstacle::Kind::no_privilege:
      if (obstacle.message.find("for schema") != std::string::npos) {
        return {Severity::critical, "missing_privilege", subject,
                fmt::format("{} may not read {}: {}; GRANT USAGE ON SCHEMA {} TO {}", role, table,
                            obstacle.message, config::quote_identifier(settings.table.schema),
                            config::quote_identifier(role))};
      }
      return {Severity::critical, "missing_privilege", subject,
              fmt::format("{} may not read {}: {}; GRANT SELECT ON {} TO {}", role, table,
                          obstacle.message, table, config::quote_identifier(role))};
    case Obstacle::Kind::locked:
      return {Severity::warning, "table_locked", subject,
              fmt::format("{} is locked by another session: not counted this time", table)};
    case Obstacle::Kind::too_slow:
      break;
  }
  return {Severity::warning, "count_too_slow", subject,
          fmt::format("counting even a sample of {} took too long: not counted this time", table)};
}

void note_missing_privileges(task::Plan& plan, const Snapshot& snapshot,
                             const config::Outbox& settings) {
  const bool deletes = action_of(State::done, settings) == Action::delete_rows ||
                       action_of(State::dead, settings) == Action::delete_rows;
  for (const Heap& heap : snapshot.heaps) {
    if (deletes && !heap.may_delete) {
      plan.findings.push_back({Severity::critical, "missing_privilege", heap.table.text(),
                               fmt::format("{} may not delete from {}: GRANT DELETE ON {} TO {}",
                                           snapshot.role, heap.table.text(), heap.table.text(),
                                           config::quote_identifier(snapshot.role))});
    }
  }
}

void act_on_due(task::Plan& plan, const Snapshot& snapshot, const config::Outbox& settings,
                const Terms& terms, const StateCount& count) {
  if (count.due_rows.value_or(0) <= 0) return;
  const std::string subject = subject_of(settings.table, terms.state);
  const Action action = action_of(terms.state, settings);
  switch (action) {
    case Action::none:
      return;
    case Action::delete_rows: {
      auto step = sweep(snapshot, settings, terms, count);
      if (worth_a_sweep(count, snapshot, *terms.keep) && !step.statements.empty()) {
        plan.steps.push_back(std::move(step));
      }
      return;
    }
    case Action::archive:
    case Action::requeue:
      plan.findings.push_back(
          {Severity::warning, "action_not_available", subject,
           fmt::format("{}, and left alone: action \"{}\" is not available in this version",
                       due_text(count, terms), action_text(action))});
      return;
    case Action::report:
      plan.findings.push_back(
          {Severity::info, "dead_rows_due", subject,
           fmt::format("{}, left for a person to look at", due_text(count, terms))});
      return;
  }
}

void add_samples(task::Plan& plan, const std::string& table, const StateCount& count) {
  // NaN = unknown: a gauge left at its last value would be a lie.
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const std::string state{state_text(count.state)};
  const double rows = count.rows ? static_cast<double>(*count.rows) : unknown;
  const double oldest = count.oldest_seconds.value_or(count.rows == 0 ? 0.0 : unknown);
  plan.samples.push_back({Metric::outbox_rows, {table, state}, rows});
  plan.samples.push_back({Metric::outbox_oldest_seconds, {table, state}, oldest});
}

nlohmann::ordered_json details_of(const StateCount& count) {
  nlohmann::ordered_json details;
  const auto value = [](const auto& optional) -> nlohmann::ordered_json {
    if (optional) return *optional;
    return nullptr;
  };
  details["state"] = state_text(count.state);
  details["rows"] = value(count.rows);
  details["rows_are_estimate"] = count.rows_are_estimate;
  details["oldest_seconds"] = value(count.oldest_seconds);
  details["due_rows"] = value(count.due_rows);
  return details;
}

}  // namespace

std::string subject_of(const config::TableName& table, State state) {
  return fmt::format("{} {}", table.text(), state_text(state));
}

bool worth_a_sweep(const StateCount& count, const Snapshot& snapshot, Duration keep) {
  std::int64_t pages = 0;
  for (const Heap& heap : snapshot.heaps)
    pages += heap.pages;
  const std::int64_t due = count.due_rows.value_or(0);
  if (due <= 0) return false;
  if (pages <= small_heap_pages || due >= count.rows.value_or(0) / 100) return true;
  const double keep_seconds = std::chrono::duration<double>(keep).count();
  return count.oldest_seconds && *count.oldest_seconds >= keep_seconds * 1.01;
}

task::Plan plan(const Snapshot& snapshot, const config::Outbox& settings) {
  task::Plan plan;
  plan.as_of = snapshot.as_of;
  const std::string table = settings.table.text();
  if (snapshot.kind == TableKind::missing) {
    plan.findings.push_back(
        {Severity::critical, "table_missing", table,
         fmt::format("outbox.table {} does not exist: correct the name or create the table",
                     table)});
  } else if (snapshot.kind == TableKind::something_else) {
    plan.findings.push_back(
        {Severity::critical, "not_a_table", table,
         fmt::format("outbox.table {} is not a table: name the table behind it", table)});
  }
  note_missing_privileges(plan, snapshot, settings);
  nlohmann::ordered_json details{{"table", table}, {"states", nlohmann::ordered_json::array()}};
  const auto states = configured_states(settings);
  for (const StateCount& count : snapshot.states) {
    add_samples(plan, table, count);
    details["states"].push_back(details_of(count));
    const auto terms = std::find_if(states.begin(), states.end(), [&](const Terms& candidate) {
      return candidate.state == count.state;
    });
    if (count.obstacle) {
      plan.findings.push_back(obstacle_finding(
          *count.obstacle, settings, subject_of(settings.table, count.state), snapshot.role));
    } else if (terms != states.end()) {
      act_on_due(plan, snapshot, settings, *terms, count);
    }
  }
  plan.details = task::Details{std::move(details)};
  return plan;
}

}  // namespace pgcaretaker::outbox
