// SPDX-License-Identifier: Apache-2.0
// Numbers and JSON from a snapshot and its draft.
#include "partition/details.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "archive/progress.hpp"
#include "partition/retirement.hpp"
#include "partition/states.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

namespace {

using nlohmann::ordered_json;
using telemetry::Metric;
using telemetry::Sample;

double seconds(std::chrono::microseconds time) {
  return std::chrono::duration<double>(time).count();
}

bool is_finite(UtcTime time) {
  return time != UtcTime::min() && time != UtcTime::max();
}

double window_seconds(const Snapshot& snapshot, const Draft& draft) {
  if (!is_finite(draft.covered_until)) return std::numeric_limits<double>::infinity();
  return seconds(draft.covered_until - snapshot.now);
}

ordered_json time_json(UtcTime time) {
  return is_finite(time) ? ordered_json(pg::format_iso8601(time)) : ordered_json(nullptr);
}

template <class T>
ordered_json optional_json(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

std::string_view state_text(const Draft& draft, const Member& member) {
  if (member.standing != Standing::regular) return "unrecognised";
  return is_expired(member, draft.retention) ? "expired" : "attached";
}

ordered_json stranded_json(const config::Partition& settings, const Answers& answers) {
  ordered_json list = ordered_json::array();
  for (const Stranded& stranded : answers.contents.stranded) {
    list.push_back({{"partition", config::TableName{settings.table.schema, stranded.name}.text()},
                    {"lower", time_json(stranded.range.lower)},
                    {"upper", time_json(stranded.range.upper)},
                    {"rows", optional_json(stranded.rows)}});
  }
  return list;
}

ordered_json default_json(const config::Partition& settings, const Snapshot& snapshot,
                          const Draft& draft, const Answers& answers) {
  for (const Member& member : draft.members) {
    if (member.standing == Standing::default_partition && snapshot.default_rows) {
      return {{"name", member.observed.name.text()},
              {"rows", optional_json(snapshot.default_rows->rows)},
              {"rows_are_estimate", snapshot.default_rows->estimated},
              {"ranges", stranded_json(settings, answers)}};
    }
  }
  return nullptr;
}

/// A partition as it is shown: all that is kept of thousands until somebody asks.
struct Shown {
  config::TableName name;
  std::optional<TimeRange> range;  // nullopt = not readable
  std::string_view state;          // a literal
  std::optional<std::int64_t> rows;
  std::int64_t bytes = 0;
};

std::vector<Shown> shown_of(const Draft& draft) {
  std::vector<Shown> list;
  list.reserve(draft.members.size());
  for (const Member& member : draft.members) {
    if (member.standing == Standing::default_partition) continue;
    const bool readable = member.standing != Standing::unreadable && !member.range.empty();
    list.push_back(Shown{member.observed.name,
                         readable ? std::optional{member.range} : std::nullopt,
                         state_text(draft, member), member.observed.rows, member.observed.bytes});
  }
  return list;
}

ordered_json partitions_json(const std::vector<Shown>& partitions) {
  ordered_json list = ordered_json::array();
  for (const Shown& shown : partitions) {
    list.push_back({{"name", shown.name.text()},
                    {"lower", shown.range ? time_json(shown.range->lower) : ordered_json(nullptr)},
                    {"upper", shown.range ? time_json(shown.range->upper) : ordered_json(nullptr)},
                    {"state", shown.state},
                    {"rows_estimate", optional_json(shown.rows)},
                    {"bytes_estimate", shown.bytes}});
  }
  return list;
}

/// What is out of the table and ours, for good or until it is dropped.
ordered_json detached_json(const config::Partition& settings, const Snapshot& snapshot,
                           const Draft& draft, const Answers& answers) {
  ordered_json list = ordered_json::array();
  for (const Marked& marked : draft.detached) {
    const bool readable = !marked.range.empty();
    const auto due = drop_due(settings, marked);
    const State state = state_of(facts_of(settings, snapshot, draft, answers, marked));
    list.push_back({{"name", marked.observed.name.text()},
                    {"lower", readable ? time_json(marked.range.lower) : ordered_json(nullptr)},
                    {"upper", readable ? time_json(marked.range.upper) : ordered_json(nullptr)},
                    {"state", state_text(state)},
                    {"since", time_json(marked.marker.since)},
                    {"drop_due", due ? time_json(*due) : ordered_json(nullptr)},
                    {"rows_estimate", optional_json(marked.observed.rows)},
                    {"bytes_estimate", marked.observed.bytes}});
  }
  return list;
}

ordered_json missing_json(const config::Partition& settings, const Draft& draft) {
  ordered_json list = ordered_json::array();
  for (const Missing& missing : draft.missing) {
    list.push_back({{"name", config::TableName{settings.table.schema, missing.name}.text()},
                    {"lower", time_json(missing.range.lower)},
                    {"upper", time_json(missing.range.upper)}});
  }
  return list;
}

}  // namespace

telemetry::Samples gauges(const config::Partition& settings, const Snapshot& snapshot,
                          const Draft& draft, const Answers& answers) {
  const std::string table = settings.table.text();
  double attached = 0;
  double expired = 0;
  double unrecognised = 0;
  for (const Member& member : draft.members) {
    if (member.standing == Standing::default_partition) continue;
    const std::string_view state = state_text(draft, member);
    (state == "attached" ? attached : state == "expired" ? expired : unrecognised) += 1;
  }
  double overdue = 0;
  for (const std::size_t index : draft.expired) {
    const Member& member = draft.members[index];
    const auto hold = answers.holds.find(member.observed.oid);
    const bool hold_failed = hold != answers.holds.end() && !hold->second.error.empty();
    if (!is_held(settings, answers, member.observed.oid) || hold_failed) {
      overdue = std::max(overdue, seconds(draft.retention->cutoff - member.range.upper));
    }
  }
  double detached = 0;
  for (const Marked& marked : draft.detached) {
    const auto due = drop_due(settings, marked);
    if (!due) continue;  // kept for good, and nobody's business any more
    detached += 1;
    const Facts facts = facts_of(settings, snapshot, draft, answers, marked);
    if (facts.due && facts.expired && !facts.held) {
      overdue = std::max(overdue, seconds(snapshot.now - *due));
    }
  }
  telemetry::Samples samples{
      Sample{Metric::partitions, {table, "attached"}, attached},
      Sample{Metric::partitions, {table, "expired"}, expired},
      Sample{Metric::partitions, {table, "detached"}, detached},
      Sample{Metric::partitions, {table, "missing"}, static_cast<double>(draft.missing.size())},
      Sample{Metric::partitions, {table, "unrecognised"}, unrecognised},
      Sample{Metric::partition_window_seconds, {table}, window_seconds(snapshot, draft)},
      Sample{Metric::partition_retention_overdue_seconds, {table}, overdue}};
  samples.push_back(archive::progress_sample(table, nullptr));
  if (!snapshot.default_rows) {
    samples.push_back(Sample{Metric::partition_default_rows, {table}, 0});
  } else {
    const auto& rows = snapshot.default_rows->rows;
    samples.push_back(
        Sample{Metric::partition_default_rows,
               {table},
               rows ? static_cast<double>(*rows) : std::numeric_limits<double>::quiet_NaN()});
  }
  return samples;
}

task::Details details(const config::Partition& settings, const Snapshot& snapshot,
                      const Draft& draft, const Answers& answers) {
  const double until = window_seconds(snapshot, draft);
  // One object for all copies of what is made from it.
  struct Seen {
    ordered_json frame;
    std::vector<Shown> partitions;
  };
  const auto seen = std::make_shared<Seen>();
  seen->partitions = shown_of(draft);
  seen->frame = {
      {"table", settings.table.text()},
      {"interval", settings.interval.text()},
      {"now", time_json(snapshot.now)},
      {"window_until", time_json(draft.covered_until)},
      {"window_seconds", is_finite(draft.covered_until) ? ordered_json(until) : ordered_json()},
      {"default", default_json(settings, snapshot, draft, answers)},
      {"partitions", nullptr},
      {"missing", missing_json(settings, draft)},
      {"detached", detached_json(settings, snapshot, draft, answers)},
      {"retention",
       {{"cutoff", draft.retention ? time_json(draft.retention->cutoff) : ordered_json()},
        {"expired", draft.expired.size()}}}};
  return task::Details{[seen = std::shared_ptr<const Seen>{seen}] {
    ordered_json json = seen->frame;
    json["partitions"] = partitions_json(seen->partitions);
    return json;
  }};
}

}  // namespace pgcaretaker::partition
