// SPDX-License-Identifier: Apache-2.0
// Which ranges of the default are drained, and what forbids it.
#include "partition/rescue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/duration.hpp"
#include "partition/adopt_steps.hpp"
#include "partition/costs.hpp"
#include "partition/guard.hpp"
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

/// The first missing partition that no rows are in the way of: creation need not wait for a move of
/// minutes that later ones need.
std::optional<UtcTime> first_to_create(const Inputs& in) {
  const std::vector<Stranded>& stranded = in.answers.contents.stranded;
  for (const Missing& missing : in.draft.missing) {
    const auto in_the_way = std::ranges::find(stranded, missing.range, &Stranded::range);
    if (in_the_way == stranded.end()) return missing.range.lower;
  }
  return std::nullopt;
}

/// Why the default is left alone altogether; "" = nothing is known against a rescue.
std::string obstacle_of(const Inputs& in, const ObservedPartition& partition) {
  const ObservedTable& table = in.snapshot.table;
  if (in.context.lacks_journal) return "that could not be written down: see no_journal";
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
  return {};
}

/// Why rows cannot be moved, though the default could be adopted.
std::string obstacle_to_moving(const Inputs& in) {
  const std::vector<std::string>& intruders = in.answers.contents.intruders;
  if (intruders.empty()) return {};
  const bool is_drain = in.settings.default_partition == config::DefaultPartition::drain;
  return fmt::format("{} would act on each row as if it were deleted: {}move them by hand",
                     intruders.front(),
                     is_drain ? "set default_partition = \"adopt\", which moves no row, or " : "");
}

/// How long the table is locked while the default is read for a swap: once for late rows, once by
/// ATTACH, dead rows as well. From the server's cache; nullopt = nobody has counted it yet.
std::optional<Duration> swap_time(const Inputs& in) {
  const std::int64_t bytes = in.context.default_partition->bytes;
  if (bytes == 0 && in.snapshot.default_rows->estimated) return std::nullopt;
  return 2 * reading_time(bytes);
}

/// Why a range that nobody needs soon stays: moving it would make others wait; "" = it would not.
std::string cost_of_moving(const Inputs& in) {
  const std::optional<Duration> time = swap_time(in);
  if (!time) return "how large it is has not been counted yet: ANALYZE it, or wait for autovacuum";
  if (*time <= in.settings.lock_timeout) return {};
  return fmt::format(
      "the table would be locked for about {} while it is read ({} kB), longer than lock_timeout "
      "allows: raise that, or set default_partition = \"adopt\"",
      config::duration_text(*time), in.context.default_partition->bytes / 1024);
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
  std::stable_partition(ranges.begin(), ranges.end(),
                        [&](const Stranded& stranded) { return is_missing(in, stranded.range); });
  return ranges;
}

/// Their share of the default's; nullopt = one of the two was not counted.
std::optional<std::int64_t> bytes_of(const Inputs& in, const Stranded& stranded) {
  const std::int64_t bytes = in.context.default_partition->bytes;
  const double all = static_cast<double>(in.snapshot.default_rows->rows.value_or(0));
  if (bytes == 0 || !stranded.rows) return std::nullopt;
  const double share = std::min(1.0, static_cast<double>(*stranded.rows) / std::max(1.0, all));
  return static_cast<std::int64_t>(static_cast<double>(bytes) * share);
}

/// What frees the way for missing partitions, the first of which begins at `in_the_way_of`, tries
/// as hard for its locks as they do; nullopt = nobody needs it soon.
void set_rescue_urgency(const Inputs& in, std::optional<UtcTime> in_the_way_of, Step& step) {
  const UtcTime now = in.snapshot.now;
  const Urgency urgency =
      in_the_way_of ? std::max(Urgency::pressed, creation_urgency(in.settings, now, *in_the_way_of))
                    : Urgency::relaxed;
  set_urgency(step, in.settings, urgency);
  if (!in_the_way_of) return;
  // Forced creation comes after it.
  const UtcTime free_from = in.draft.missing.front().range.lower;
  if (creation_urgency(in.settings, now, free_from) == Urgency::forced) {
    step.effort.patience = patience_left(in.settings, now, free_from);
  }
}

void plan_drains(const Inputs& in, Rescue& rescue, FindingList& findings) {
  const std::string forbidden = obstacle_to_moving(in);
  if (!forbidden.empty()) {
    findings.add(Severity::warning, "not_rescued", in.context.default_partition->name.text(),
                 "its rows are not moved into partitions of their own: " + forbidden);
    return;
  }
  const std::string cost = cost_of_moving(in);
  const std::optional<UtcTime> created = first_to_create(in);
  std::vector<const Stranded*> stay;
  std::set<std::string> planned_names;
  const std::vector<Stranded> ranges = in_order(in);
  for (const Stranded& stranded : ranges) {
    const config::TableName partition{in.settings.table.schema, stranded.name};
    const std::string obstacle = obstacle_of(in, stranded, planned_names);
    if (!obstacle.empty()) {
      findings.add(Severity::critical, "not_rescued", partition.text(),
                   fmt::format("{} of {} stay in the default partition: {}", rows_text(stranded),
                               range_text(stranded.range), obstacle));
      continue;
    }
    // In the order in which partitions are needed; the rest can wait.
    const bool is_in_the_way = is_missing(in, stranded.range);
    if (!is_in_the_way && !cost.empty()) {
      stay.push_back(&stranded);
      continue;
    }
    const bool is_first = !created || stranded.range.lower < *created;
    std::vector<Step>& steps = !is_in_the_way ? rescue.last
                               : is_first     ? rescue.first
                                              : rescue.afterwards;
    steps.push_back(drain_step(in.context, in.answers.contents, {partition, stranded.range},
                               drain_reason(in, stranded)));
    steps.back().rows = stranded.rows;
    steps.back().bytes = bytes_of(in, stranded);
    set_rescue_urgency(in, is_in_the_way ? std::optional{stranded.range.lower} : std::nullopt,
                       steps.back());
    for (Duration& timeout : steps.back().effort.insistence) {
      timeout = std::min(timeout, longest_swap_wait);
    }
    rescue.ranges.push_back(stranded.range);
    planned_names.insert(stranded.name);
  }
  if (stay.empty()) return;
  findings.add(
      Severity::warning, "not_rescued", in.context.default_partition->name.text(),
      fmt::format("rows of {} range{}, the first {}, are not moved into partitions of "
                  "their own: {}",
                  stay.size(), stay.size() == 1 ? "" : "s", range_text(stay.front()->range), cost));
}

/// Whether what an interrupted pass left refuses rows, or keeps partitions from being made in time.
bool is_guard_in_the_way(const Inputs& in) {
  if (in.answers.contents.guards_refuse) return true;
  return !in.draft.missing.empty() &&
         creation_urgency(in.settings, in.snapshot.now, in.draft.missing.front().range.lower) ==
             Urgency::forced;
}

/// Why the default cannot become one range partition; "" = it can.
std::string obstacle_to_adoption(const Inputs& in, const TimeRange& range) {
  const config::TableName& name = in.context.default_partition->name;
  const Stranded& first = in.answers.contents.stranded.front();
  if (!in.answers.contents.error.empty()) return "not all of its ranges could be read";
  if (in.answers.contents.odd_keys) return "it has keys without a place in the calendar";
  if (name.schema != in.settings.table.schema) return "it is in another schema than its table";
  if (!can_validate(in.context.default_partition->bytes)) {
    return fmt::format(
        "to be read in time it is too large ({} kB), and rows that it does not take would be "
        "refused for as long",
        in.context.default_partition->bytes / 1024);
  }
  for (const Member& member : in.draft.members) {
    const bool has_range =
        member.standing != Standing::default_partition && member.standing != Standing::unreadable;
    if (has_range && member.range.lower < range.upper && range.lower < member.range.upper) {
      return fmt::format("its rows lie on both sides of {}", member.observed.name.text());
    }
  }
  Stranded adopted = first;
  adopted.rows.reset();  // none is moved
  return obstacle_of(in, adopted, {});
}

/// False = it cannot be: drained then.
bool plan_adoption(const Inputs& in, Rescue& rescue, FindingList& findings) {
  const std::vector<Stranded>& stranded = in.answers.contents.stranded;
  if (stranded.empty()) return false;
  const TimeRange range{stranded.front().range.lower, stranded.back().range.upper};
  const ObservedPartition& old = *in.context.default_partition;
  const std::string obstacle = obstacle_to_adoption(in, range);
  if (!obstacle.empty()) {
    findings.add(Severity::info, "not_adopted", old.name.text(),
                 fmt::format("it cannot become the one partition of {}, so it is drained: {}",
                             range_text(range), obstacle));
    return false;
  }
  std::vector<TimeRange> needed;
  for (const Missing& missing : in.draft.missing) {
    const bool is_within = range.lower <= missing.range.lower && missing.range.upper <= range.upper;
    (is_within ? rescue.ranges : needed).push_back(missing.range);
  }
  rescue.afterwards.push_back(
      adopt_step(in.context, in.answers.contents,
                 {{in.settings.table.schema, stranded.front().name}, range}, needed,
                 fmt::format("all rows of the default partition {} ({} kB) are of {}: it becomes "
                             "their partition without moving one",
                             old.name.text(), old.bytes / 1024, range_text(range))));
  set_rescue_urgency(
      in, rescue.ranges.empty() ? std::nullopt : std::optional{rescue.ranges.front().lower},
      rescue.afterwards.back());
  return true;
}

}  // namespace

Rescue plan_rescue(const Inputs& in, FindingList& findings) {
  Rescue rescue;
  if (!in.context.default_partition) return rescue;
  const ObservedPartition& partition = *in.context.default_partition;
  if (!in.answers.contents.guards.empty()) {
    rescue.first.push_back(unguard_step(in.context, in.answers.contents.guards));
    set_urgency(rescue.first.back(), in.settings,
                is_guard_in_the_way(in) ? Urgency::forced : Urgency::pressed);
    Duration& patience = rescue.first.back().effort.patience;
    patience = std::min(patience, longest_guard);
  }
  if (in.settings.default_partition == config::DefaultPartition::report) return rescue;
  add_unreadable(in, partition.name.text(), findings);
  if (!in.snapshot.default_rows || in.snapshot.default_rows->rows.value_or(0) == 0) return rescue;
  const std::string forbidden = obstacle_of(in, partition);
  if (!forbidden.empty()) {
    findings.add(Severity::warning, "not_rescued", partition.name.text(),
                 "its rows are not moved into partitions of their own: " + forbidden);
    return rescue;
  }
  const bool is_adopted = in.settings.default_partition == config::DefaultPartition::adopt &&
                          plan_adoption(in, rescue, findings);
  if (!is_adopted) plan_drains(in, rescue, findings);
  return rescue;
}

}  // namespace pgcaretaker::partition
