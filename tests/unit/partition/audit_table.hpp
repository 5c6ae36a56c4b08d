// SPDX-License-Identifier: Apache-2.0
// Settings and snapshots that the partition room's unit tests start from.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "partition/plan.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::test {

/// "2026-11-23 14:00" or a date alone, UTC.
inline UtcTime at(std::string_view text) {
  const auto time =
      pg::parse_timestamp(text.size() == 16 ? std::string{text} + ":00" : std::string{text});
  REQUIRE_MESSAGE(time.has_value(), text);
  return *time;
}

inline partition::TimeRange range(std::string_view lower, std::string_view upper) {
  return {at(lower), at(upper)};
}

/// public.audit_events by the month, three ahead, kept for ever.
/// As pg_get_expr writes bounds.
inline std::string from_to(const std::string& lower, const std::string& upper) {
  return "FOR VALUES FROM (" + lower + ") TO (" + upper + ")";
}

inline config::Partition audit_events() {
  config::Partition settings;
  settings.table = {"public", "audit_events"};
  return settings;
}

/// The same with a year of retention by drop.
inline config::Partition audit_events_for_a_year() {
  config::Partition settings = audit_events();
  settings.retention = std::chrono::days{365};
  settings.expire = config::Expire::drop;
  return settings;
}

/// An owned timestamptz table without partitions.
inline partition::Snapshot empty_table(std::string_view now) {
  partition::Snapshot snapshot;
  snapshot.now = at(now);
  snapshot.role = "caretaker";
  snapshot.table.oid = 1000;
  snapshot.table.key_column = "occurred_at";
  snapshot.table.key_type = "timestamp with time zone";
  snapshot.table.owner = "owner";
  return snapshot;
}

inline partition::ObservedPartition& attach_text(partition::Snapshot& snapshot, std::string name,
                                                 std::string bounds) {
  partition::ObservedPartition partition;
  partition.oid = 2000 + static_cast<std::int64_t>(snapshot.partitions.size());
  partition.name = {"public", std::move(name)};
  partition.bounds = std::move(bounds);
  snapshot.partitions.push_back(std::move(partition));
  return snapshot.partitions.back();
}

inline partition::ObservedPartition& attach(partition::Snapshot& snapshot, std::string name,
                                            std::string_view lower, std::string_view upper) {
  const auto key = partition::key_type(snapshot.table.key_type).value();
  return attach_text(snapshot, std::move(name), partition::bounds_clause(key, range(lower, upper)));
}

/// Months named audit_events_yYYYYmMM from `first` on.
inline void attach_months(partition::Snapshot& snapshot, std::string_view first, int count) {
  partition::TimeRange month = partition::interval_containing({}, at(first));
  for (int i = 0; i < count; ++i, month = partition::interval_after({}, month)) {
    const std::string lower = partition::time_text(month.lower);
    attach(snapshot, "audit_events_y" + lower.substr(0, 4) + "m" + lower.substr(5, 2), lower,
           partition::time_text(month.upper));
  }
}

inline task::Plan plan_of(const config::Partition& settings, const partition::Snapshot& snapshot,
                          const partition::Answers& answers = {}) {
  return partition::make_plan(settings, config::Journal{std::nullopt}, snapshot,
                              partition::make_draft(settings, snapshot), answers);
}

/// All steps: "mark public.a", "detach public.a" ...
inline std::vector<std::string> acts(const task::Plan& plan) {
  std::vector<std::string> result;
  for (const task::Step& step : plan.steps) {
    result.push_back(step.action + " " + step.subject);
  }
  return result;
}

/// What each subject comes to in the end: "drop public.a", or "detach public.a" when its last step
/// only puts its guards back.
inline std::vector<std::string> subjects(const task::Plan& plan) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const task::Step& step = plan.steps[i];
    const bool is_last = i + 1 == plan.steps.size() || plan.steps[i + 1].subject != step.subject;
    const std::string action = step.action == "guard" ? "detach" : step.action;
    if (is_last) result.push_back(action + " " + step.subject);
  }
  return result;
}

/// Codes of all findings, in order.
inline std::vector<std::string> codes(const std::vector<task::Finding>& findings) {
  std::vector<std::string> result;
  for (const task::Finding& finding : findings) {
    result.push_back(finding.code);
  }
  return result;
}

inline const task::Finding& finding(const task::Plan& plan, std::string_view code) {
  for (const task::Finding& found : plan.findings) {
    if (found.code == code) return found;
  }
  FAIL("no finding ", std::string{code});
  return plan.findings.front();
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

using Words = std::vector<std::string>;

}  // namespace pgcaretaker::test
