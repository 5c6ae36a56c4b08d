// SPDX-License-Identifier: Apache-2.0
// The column's type against the settings, and the settings against the bounds that are there.
#include "partition/key_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/words.hpp"

namespace pgcaretaker::partition {

namespace {

using config::KeyForm;
using std::chrono::microseconds;

// A set that is in use has partitions around now; units and known epochs are farther apart.
constexpr std::chrono::days near_now{366};

bool is_number_form(KeyForm form) {
  return form != KeyForm::automatic && form != KeyForm::uuidv7;
}

microseconds tick_of(KeyForm form) {
  if (form == KeyForm::microseconds) return microseconds{1};
  return form == KeyForm::seconds ? std::chrono::seconds{1} : std::chrono::milliseconds{1};
}

std::string number_problem(const config::Partition& settings, const ObservedTable& table,
                           KeyType type) {
  if (!is_number_form(settings.key)) {
    return fmt::format(
        "its key {} is of type {}, which does not say what it counts: set key to \"seconds\", "
        "\"milliseconds\", \"microseconds\" or \"snowflake\"",
        table.key_column, table.key_type);
  }
  if (type == KeyType::integer && settings.key != KeyForm::seconds) {
    return fmt::format(
        "its key {} is of type integer, which only holds seconds: key = \"{}\" needs a bigint",
        table.key_column, config::word_for(settings.key));
  }
  return {};
}

std::string problem_of(const config::Partition& settings, const ObservedTable& table,
                       std::optional<KeyType> type) {
  if (!type) {
    return fmt::format(
        "its key {} is of type {}; only date, timestamp, timestamptz, uuid, bigint and integer are "
        "supported",
        table.key_column, table.key_type);
  }
  if (counts(*type)) return number_problem(settings, table, *type);
  const bool fits = settings.key == KeyForm::automatic ||
                    (settings.key == KeyForm::uuidv7 && *type == KeyType::uuid);
  if (!fits) {
    return fmt::format("its key {} is of type {}, which key = \"{}\" does not fit: take key out",
                       table.key_column, table.key_type, config::word_for(settings.key));
  }
  if (*type == KeyType::date && settings.interval.unit == config::IntervalUnit::hour) {
    return fmt::format(
        "its key {} is a date, which hours cannot divide: set interval to days or more",
        table.key_column);
  }
  return {};
}

}  // namespace

KeyChoice choose_key(const config::Partition& settings, const ObservedTable& table) {
  const auto type = key_type(table.key_type);
  KeyChoice choice;
  choice.problem = problem_of(settings, table, type);
  if (!choice.problem.empty()) return choice;
  choice.key = *type;
  if (counts(choice.key)) {
    choice.key.tick = tick_of(settings.key);
    choice.key.shift = settings.key == KeyForm::snowflake ? settings.key_shift : 0;
    choice.key.epoch = settings.key_epoch;
  }
  return choice;
}

Key with_tail_of(Key key, const std::vector<ObservedPartition>& partitions) {
  if (key.type != KeyType::uuid) return key;
  std::ptrdiff_t most = 0;
  for (const std::string_view tail : uuid_tails) {
    const std::string end = fmt::format("-{}')", tail);
    const auto has_tail = [&](const ObservedPartition& partition) {
      return partition.bounds.ends_with(end);
    };
    const auto found = std::ranges::count_if(partitions, has_tail);
    if (found > most) key.uuid_tail = tail;
    most = std::max(most, found);
  }
  return key;
}

std::vector<task::Finding> unit_findings(const config::Partition& settings, const Key& key,
                                         const std::vector<Member>& members, UtcTime now) {
  if (!counts(key)) return {};
  const Member* newest = nullptr;
  for (const Member& member : members) {
    if (member.standing == Standing::default_partition) continue;
    if (member.standing == Standing::unreadable) continue;
    if (member.range.upper >= now - near_now && member.range.lower <= now + near_now) return {};
    newest = &member;  // members are sorted
  }
  if (newest == nullptr) return {};
  const bool is_past = newest->range.upper < now;
  return {task::Finding{
      task::Severity::critical, "key_mismatch", settings.table.text(),
      fmt::format(
          "by key = \"{}\" no partition is within a year of now, {} {} {}: nothing is done "
          "until key, key_shift and key_epoch say what its column holds, or, if they do, until "
          "a partition for now is attached by hand",
          config::word_for(settings.key), newest->observed.name.text(),
          is_past ? "ends at" : "begins at",
          is_past                                 ? time_text(newest->range.upper)
          : newest->range.lower == UtcTime::max() ? "the end of the calendar"
                                                  : time_text(newest->range.lower))}};
}

void add_span_finding(const config::Partition& settings, const Draft& draft, UtcTime now,
                      FindingList& findings) {
  const TimeRange span = span_of(*draft.key);
  if (now < span.lower) {
    findings.add(task::Severity::critical, "key_range", settings.table.text(),
                 fmt::format("its key counts from {}, which is yet to come: mend key_epoch",
                             time_text(span.lower)));
  } else if (draft.window.upper > span.upper) {
    findings.add(
        task::Severity::critical, "key_range", settings.table.text(),
        fmt::format("its key holds no time after {}, and the window reaches {}: move the rows to a "
                    "table with a wider key before that",
                    time_text(span.upper), time_text(draft.window.upper)));
  }
}

}  // namespace pgcaretaker::partition
