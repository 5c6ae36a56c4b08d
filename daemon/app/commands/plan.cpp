// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker plan`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "app/commands/commands.hpp"
#include "app/one_shot.hpp"
#include "partition/afterwards_steps.hpp"
#include "partition/guard.hpp"
#include "partition/steps.hpp"
#include "postgres/timestamp.hpp"
#include "task/pass.hpp"

namespace pgcaretaker::app {

namespace {

using Json = nlohmann::ordered_json;

struct Planned {
  std::string task;
  task::Plan plan;
  std::string error;  // why it could not be planned; empty otherwise
};

/// What can be pasted into psql: the transaction as it will be sent.
void print_transaction(const task::Step& step, const std::string& role) {
  fmt::print("    sql:  BEGIN;\n");
  if (!role.empty()) {
    fmt::print("    sql:  SET LOCAL ROLE {};\n", config::quote_identifier(role));
  }
  fmt::print("    sql:  SET LOCAL search_path = ''; SET LOCAL timezone = 'UTC';\n");
  fmt::print("    sql:  SET LOCAL lock_timeout = '{}ms';\n", step.effort.lock_timeout.count());
}

/// 5242880 -> "5.0 MiB"
std::string size_text(std::int64_t bytes) {
  static constexpr std::array<std::string_view, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
  constexpr double factor = 1024;
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double size = static_cast<double>(bytes) / factor;
  std::size_t unit = 0;
  for (; size >= factor && unit + 1 < units.size(); ++unit) {
    size /= factor;
  }
  return fmt::format("{:.1f} {}", size, units[unit]);
}

/// What is there already and goes; "" where a step only adds.
std::string data_text(const task::Step& step) {
  if (!step.rows && !step.bytes) return step.by_age ? "not counted by the server yet" : "";
  std::string text = step.rows
                         ? fmt::format("about {} row{}", *step.rows, *step.rows == 1 ? "" : "s")
                         : "rows not counted";
  if (step.bytes) text += ", " + size_text(*step.bytes);
  return text;
}

/// A guard is raised, validated and used in a transaction each.
void begin_anew(const task::Step& step, const std::string& role) {
  fmt::print("    sql:  COMMIT;\n");
  print_transaction(step, role);
}

/// What PostgreSQL refuses inside a transaction.
bool runs_outside(const task::Step& step) {
  return step.statements.front().name == partition::statement::detach_concurrently ||
         partition::is_afterwards(step);
}

void print_step(const task::Step& step, const std::string& role) {
  fmt::print("  {} {}\n    why:  {}\n    lock: {}\n    undo: {}\n", step.action, step.subject,
             step.reason, step.lock, step.reversible ? "possible" : "not possible");
  if (const std::string data = data_text(step); !data.empty()) {
    fmt::print("    data: {}\n", data);
  }
  if (!step.urgency.empty()) {
    fmt::print("    wait: {}: {}\n", step.urgency, pg::effort_text(step.effort));
    if (!runs_outside(step)) print_transaction(step, role);
  }
  for (const auto& statement : step.statements) {
    const bool stands_alone = statement.name == partition::statement::validate_guard;
    if (stands_alone) begin_anew(step, role);
    fmt::print("    sql:  {};\n", statement.sql);
    if (stands_alone) begin_anew(step, role);
    for (std::size_t i = 0; i < statement.params.size(); ++i) {
      fmt::print("          -- ${} = {}\n", i + 1, statement.params[i]);
    }
  }
  if (!step.urgency.empty() && !runs_outside(step)) {
    fmt::print("    sql:  COMMIT;\n");
  }
}

bool has_critical(const Planned& planned) {
  return std::ranges::any_of(planned.plan.findings, [](const task::Finding& finding) {
    return finding.severity == task::Severity::critical;
  });
}

void print_text(const Planned& planned, const std::string& role) {
  fmt::print("{}\n", planned.task);
  if (!planned.error.empty()) {
    fmt::print("  cannot tell: {}\n", planned.error);
    return;
  }
  for (const auto& step : planned.plan.steps) {
    print_step(step, role);
  }
  for (const auto& finding : planned.plan.findings) {
    fmt::print("  {} [{}] {}: {}\n", task::severity_text(finding.severity), finding.code,
               finding.subject, finding.text);
  }
  if (planned.plan.steps.empty()) {
    fmt::print("  {}\n", has_critical(planned) ? "nothing it can do by itself" : "nothing to do");
  }
}

Json number_or_null(const std::optional<std::int64_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

// docs/plan.schema.json describes what this and plan_json() write.
Json step_json(const task::Step& step) {
  Json statements = Json::array();
  for (const auto& statement : step.statements) {
    statements.push_back({{"sql", statement.sql}, {"params", statement.params}});
  }
  Json json{{"action", step.action},
            {"subject", step.subject},
            {"reason", step.reason},
            {"lock", step.lock},
            {"rows_estimate", number_or_null(step.rows)},
            {"bytes_estimate", number_or_null(step.bytes)},
            {"reversible", step.reversible},
            {"statements", statements}};
  if (!step.urgency.empty()) {
    json["urgency"] = step.urgency;
    json["wait"] = pg::effort_text(step.effort);
  }
  return json;
}

Json plan_json(const Planned& planned) {
  Json json{{"task", planned.task}};
  if (!planned.error.empty()) {
    json["error"] = planned.error;
    return json;
  }
  json["as_of"] = pg::format_iso8601(planned.plan.as_of);
  json["steps"] = Json::array();
  std::ranges::transform(planned.plan.steps, std::back_inserter(json["steps"]), step_json);
  json["findings"] = Json::array();
  for (const auto& finding : planned.plan.findings) {
    json["findings"].push_back({{"severity", task::severity_text(finding.severity)},
                                {"code", finding.code},
                                {"subject", finding.subject},
                                {"text", finding.text}});
  }
  json["details"] = planned.plan.details.json();
  return json;
}

/// A critical finding without a step is not "nothing to do": only a person can tell.
ExitCode verdict(const std::vector<Planned>& all) {
  const auto failed = [](const Planned& planned) { return !planned.error.empty(); };
  const auto works = [](const Planned& planned) { return !planned.plan.steps.empty(); };
  if (std::ranges::any_of(all, failed)) {
    return ExitCode::task_failed;
  }
  if (std::ranges::any_of(all, works)) {
    return ExitCode::work_to_do;
  }
  return std::ranges::any_of(all, has_critical) ? ExitCode::task_failed : ExitCode::ok;
}

Awaitable<Planned> plan_one(OneShot& shot, task::Task& task) {
  Planned planned{task.name(), {}, ""};
  try {
    planned.plan = co_await task::plan_only(task, *shot.pools.of(task), shot.clock);
  } catch (const pg::Error& error) {
    if (error.is_connection_lost()) {
      throw;
    }
    planned.error = error.what();
  }
  co_return planned;
}

Awaitable<ExitCode> plan_tasks(OneShot& shot) {
  std::vector<Planned> all;
  for (const auto& task : shot.tasks) {
    Planned planned = co_await plan_one(shot, *task);
    all.push_back(std::move(planned));
  }
  if (shot.line.json) {
    Json json{{"tasks", Json::array()}};
    std::ranges::transform(all, std::back_inserter(json["tasks"]), plan_json);
    fmt::print("{}\n", json.dump(2));
  } else {
    for (const auto& planned : all) {
      print_text(planned, shot.configuration.settings.database.role);
    }
  }
  co_return verdict(all);
}

}  // namespace

ExitCode plan(const CommandLine& line, const Configuration& configuration) {
  return run_one_shot(line, configuration, plan_tasks);
}

}  // namespace pgcaretaker::app
