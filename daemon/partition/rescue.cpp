// SPDX-License-Identifier: Apache-2.0
// Which ranges of the default are drained, and what forbids it.
#include "partition/rescue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "partition/name.hpp"
#include "partition/rescue_steps.hpp"
#include "partition/urgency.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Severity;
using task::Step;

bool is_missing(const Inputs& in, const TimeRange& range) {
  return std::ranges::any_of(in.draft.missing,
                             [&](const Missing& missing) { return missing.range == range; });
}

/// Why no row of the default can be moved at all; "" = nothing is known against it.
std::string obstacle_of(const Inputs& in, const ObservedPartition& partition) {
  const ObservedTable& table = in.snapshot.table;
  if (in.settings.create_function) {
    return "create_function makes its partitions, and that cannot move rows: move them by hand";
  }
  if (!table.owned || !partition.owned || !table.may_create) {
    return fmt::format("role {} may not: set database.role to the owner of both, {}",
                       in.snapshot.role, table.owner);
  }
  if (partition.kind != 'r') return "it is not a plain table: move them by hand";
  if (!table.referencing.empty()) {
    return fmt::format(
        "{} has a foreign key to the table, by which moving a row is deleting it: "
        "move them by hand",
        table.referencing.front().name);
  }
  if (!in.answers.contents.intruders.empty()) {
    return fmt::format(
        "{} would act on each row as if it were deleted: set default_partition = \"adopt\", which "
        "moves no row, or move them by hand",
        in.answers.contents.intruders.front());
  }
  return {};
}

/// Why this one range cannot be drained; "" = it can.
std::string obstacle_of(const Inputs& in, const Stranded& stranded,
                        const std::set<std::string>& planned_names) {
  if (planned_names.contains(stranded.name)) {
    return "an earlier range has the same name: add a finer conversion such as %d or %H to name in "
           "[[partition]]";
  }
  if (stranded.name.size() > longest_name) {
    return fmt::format(
        "its partition's name would have {} bytes, PostgreSQL takes {}: shorten "
        "name in [[partition]]",
        stranded.name.size(), longest_name);
  }
  const auto taken = in.answers.taken_names.find(stranded.name);
  if (taken != in.answers.taken_names.end()) {
    return fmt::format(
        "its partition needs this name, but {} has it: rename or drop that, or "
        "change name in [[partition]]",
        taken->second);
  }
  if (stranded.rows.value_or(0) > most_moved) {
    return fmt::format(
        "they are more than {}, too many for one transaction: set "
        "default_partition = \"adopt\", or move them by hand",
        most_moved);
  }
  return {};
}

std::string rows_text(const Stranded& stranded) {
  return stranded.rows ? fmt::format("{} rows", *stranded.rows) : "uncounted rows";
}

std::string drain_reason(const Inputs& in, const Stranded& stranded) {
  const bool is_expired = in.draft.retention && stranded.range.upper <= in.draft.retention->cutoff;
  return fmt::format("{} of {} lie in the default partition ({} kB in all){}", rows_text(stranded),
                     range_text(stranded.range), in.context.default_partition->bytes / 1024,
                     is_expired ? "; past retention, which takes them as a partition" : "");
}

void add_unreadable(const Inputs& in, const std::string& name, FindingList& findings) {
  const std::string& error = in.answers.contents.error;
  if (error.empty()) return;
  findings.add(Severity::warning, "stranded_unreadable", name,
               fmt::format("not all ranges that its rows belong to could be read: {}", error));
}

/// What stands in the way of missing partitions first; the server's order, oldest first, otherwise.
std::vector<Stranded> in_order(const Inputs& in) {
  std::vector<Stranded> ranges = in.answers.contents.stranded;
  std::ranges::stable_partition(
      ranges, [&](const Stranded& stranded) { return is_missing(in, stranded.range); });
  return ranges;
}

}  // namespace

std::vector<TimeRange> plan_rescue(const Inputs& in, std::vector<Step>& steps,
                                   FindingList& findings) {
  std::vector<TimeRange> rescued;
  if (!in.context.default_partition) return rescued;
  if (in.settings.default_partition == config::DefaultPartition::report) return rescued;
  const std::string name = in.context.default_partition->name.text();
  add_unreadable(in, name, findings);
  const bool has_rows = in.snapshot.default_rows && in.snapshot.default_rows->rows.value_or(0) > 0;
  if (!has_rows) return rescued;
  const std::string forbidden = obstacle_of(in, *in.context.default_partition);
  if (!forbidden.empty()) {
    findings.add(Severity::warning, "not_rescued", name,
                 "its rows are not moved into partitions of their own: " + forbidden);
    return rescued;
  }
  std::set<std::string> planned_names;
  for (const Stranded& stranded : in_order(in)) {
    const config::TableName partition{in.settings.table.schema, stranded.name};
    const std::string obstacle = obstacle_of(in, stranded, planned_names);
    if (!obstacle.empty()) {
      findings.add(Severity::critical, "not_rescued", partition.text(),
                   fmt::format("{} of {} stay in the default partition: {}", rows_text(stranded),
                               range_text(stranded.range), obstacle));
      continue;
    }
    steps.push_back(drain_step(in.context, in.answers.contents, {partition, stranded.range},
                               drain_reason(in, stranded)));
    set_urgency(steps.back(), in.settings,
                is_missing(in, stranded.range) ? Urgency::pressed : Urgency::relaxed);
    rescued.push_back(stranded.range);
    planned_names.insert(stranded.name);
  }
  return rescued;
}

}  // namespace pgcaretaker::partition
