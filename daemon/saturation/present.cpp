// SPDX-License-Identifier: Apache-2.0
// What operators read about pools.
#include "saturation/present.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "config/duration.hpp"

namespace pgcaretaker::saturation {

namespace {

using task::Finding;
using task::Severity;
using telemetry::Metric;

/// "12 idle in transaction, 5 active": the biggest first, what is not there left out.
std::string states_text(const StateCounts& states) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return states[left] > states[right];
  });
  std::string text;
  for (const std::size_t i : order) {
    std::string words{session_states[i]};
    std::replace(words.begin(), words.end(), '_', ' ');
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", states[i], words);
  }
  return text;
}

std::string age_text(double seconds) {
  const std::chrono::seconds whole{static_cast<std::int64_t>(seconds)};
  return config::duration_text(whole);
}

/// "pool api holds 19 of 20 connections (95 %): 12 active, 7 idle; oldest transaction ..."
std::string pool_text(const PoolStatus& status) {
  const int percent = static_cast<int>(status.ratio.value_or(0) * 100.0);
  std::string text = fmt::format("pool {} holds {} of {} connections ({} %)", status.pool.name,
                                 status.used.value_or(0), status.limit, percent);
  const std::string states = states_text(status.states);
  if (!states.empty()) text += ": " + states;
  if (status.waiting > 0) text += fmt::format("; {} waiting for a lock", status.waiting);
  if (status.oldest) {
    text += fmt::format("; oldest transaction {} old, by pid {}, user {}, application \"{}\"",
                        age_text(status.oldest->seconds), status.oldest->pid, status.oldest->user,
                        status.oldest->application);
  }
  return text;
}

void add_level_finding(task::Plan& plan, const PoolStatus& status) {
  if (!status.level) return;
  if (*status.level == Level::critical) {
    plan.findings.push_back({Severity::critical, "pool_critical", status.pool.name,
                             pool_text(status) + "; end what is not needed or raise the limit"});
  } else if (*status.level == Level::warn) {
    plan.findings.push_back({Severity::warning, "pool_warn", status.pool.name, pool_text(status)});
  }
  if (status.rising_to > *status.level) {
    plan.findings.push_back(
        {Severity::info, "pool_rising", status.pool.name,
         fmt::format("{}; {} when it lasts for {}", pool_text(status), level_text(status.rising_to),
                     config::duration_text(status.pool.hold))});
  }
}

void add_samples(task::Plan& plan, const PoolStatus& status) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const std::string& pool = status.pool.name;
  const bool known = status.used.has_value();
  for (std::size_t i = 0; i < session_states.size(); ++i) {
    plan.samples.push_back({Metric::pool_connections,
                            {pool, std::string{session_states[i]}},
                            known ? static_cast<double>(status.states[i]) : unknown});
  }
  const double level = status.level ? static_cast<double>(*status.level) : unknown;
  const double oldest = status.oldest ? status.oldest->seconds : 0.0;
  plan.samples.push_back({Metric::pool_limit, {pool}, static_cast<double>(status.limit)});
  plan.samples.push_back({Metric::pool_saturation_ratio, {pool}, status.ratio.value_or(unknown)});
  plan.samples.push_back({Metric::pool_level, {pool}, level});
  plan.samples.push_back(
      {Metric::pool_waiting, {pool}, known ? static_cast<double>(status.waiting) : unknown});
  plan.samples.push_back(
      {Metric::pool_oldest_transaction_seconds, {pool}, known ? oldest : unknown});
}

nlohmann::ordered_json details_of(const PoolStatus& status) {
  nlohmann::ordered_json details;
  details["pool"] = status.pool.name;
  details["limit"] = status.limit;
  for (const char* key :
       {"used", "ratio", "level", "states", "waiting", "oldest_transaction_seconds"}) {
    details[key] = nullptr;
  }
  if (!status.used) return details;
  details["used"] = *status.used;
  details["ratio"] = *status.ratio;
  details["level"] = level_text(*status.level);
  for (std::size_t i = 0; i < session_states.size(); ++i) {
    details["states"][std::string{session_states[i]}] = status.states[i];
  }
  details["waiting"] = status.waiting;
  if (status.oldest) details["oldest_transaction_seconds"] = status.oldest->seconds;
  return details;
}

}  // namespace

task::Plan present(const Judgement& judgement, const Snapshot& snapshot,
                   const config::Saturation& settings) {
  task::Plan plan;
  plan.as_of = snapshot.as_of;
  if (!snapshot.sees_all_sessions) {
    plan.findings.push_back(
        {Severity::warning, "needs_pg_monitor", "server",
         fmt::format("{} needs pg_monitor to see other sessions, so no pool can be counted: GRANT "
                     "pg_monitor TO {}",
                     snapshot.role, config::quote_identifier(snapshot.role))});
  }
  for (const config::PgBouncer& pgbouncer : settings.pgbouncers) {
    plan.findings.push_back(
        {Severity::info, "pgbouncer_not_watched", pgbouncer.name,
         fmt::format("pgbouncer {} is not watched in this version", pgbouncer.name)});
  }
  nlohmann::ordered_json details{{"pools", nlohmann::ordered_json::array()}};
  for (const PoolStatus& status : judgement.pools) {
    add_level_finding(plan, status);
    add_samples(plan, status);
    details["pools"].push_back(details_of(status));
  }
  plan.details = task::Details{std::move(details)};
  return plan;
}

}  // namespace pgcaretaker::saturation
