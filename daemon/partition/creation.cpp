// SPDX-License-Identifier: Apache-2.0
// What stands in a new partition's way, and why it is wanted.
#include "partition/creation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "partition/costs.hpp"
#include "partition/create_steps.hpp"
#include "partition/guard.hpp"
#include "partition/name.hpp"
#include "partition/urgency.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Finding;
using task::Severity;
using task::Step;

/// "2026", "2026-11", else the time itself: how people call an interval.
std::string interval_name(const config::Interval& interval, UtcTime lower) {
  const std::string text = time_text(lower);
  switch (interval.unit) {
    case config::IntervalUnit::year:
      return text.substr(0, text.find('-'));
    case config::IntervalUnit::month:
    case config::IntervalUnit::quarter:
      return text.substr(0, text.rfind('-'));
    default:
      return text;
  }
}

std::string creation_reason(const Inputs& in, const Missing& missing) {
  const UtcTime now = in.snapshot.now;
  if (missing.range.contains(now)) {
    return fmt::format("no partition takes the rows of today: {} is free",
                       range_text(missing.range));
  }
  const bool covered_beyond =
      std::any_of(in.draft.members.begin(), in.draft.members.end(), [&](const Member& member) {
        return member.standing == Standing::regular && member.range.lower >= missing.range.upper;
      });
  if (covered_beyond) {
    return fmt::format("there is a gap at {}", range_text(missing.range));
  }
  const int ahead = in.settings.ahead;
  return fmt::format("the window must reach {}: {} interval{} ahead of {}",
                     time_text(in.draft.window.upper), ahead, ahead == 1 ? "" : "s",
                     interval_name(in.settings.interval, in.draft.window.lower));
}

/// Whether our role may create at all; says so once when not.
bool may_create(const Inputs& in, FindingList& findings) {
  if (in.settings.create_function || in.draft.missing.empty()) return true;
  const ObservedTable& table = in.snapshot.table;
  if (!table.owned) {
    findings.add(Severity::critical, "not_owner", in.settings.table.text(),
                 fmt::format("role {0} may not create its partitions: set database.role to its "
                             "owner {1}, no superuser, of which the login is a member, or set "
                             "create_function; config/roles.sql shows both ways",
                             in.snapshot.role, table.owner));
    return false;
  }
  if (!table.may_create) {
    findings.add(Severity::critical, "not_owner", in.settings.table.text(),
                 fmt::format("role {1} may not create tables in its schema: GRANT USAGE, CREATE ON "
                             "SCHEMA {0} TO {1}, or set create_function",
                             config::quote_identifier(in.settings.table.schema), in.snapshot.role));
    return false;
  }
  return true;
}

/// Why this one range cannot be created, or nothing.
std::optional<Finding> creation_obstacle(const Inputs& in, const Missing& missing, bool blocked,
                                         const std::set<std::string>& planned_names) {
  const config::TableName name{in.settings.table.schema, missing.name};
  const auto critical = [&](std::string code, std::string text) {
    return Finding{Severity::critical, std::move(code), name.text(), std::move(text)};
  };
  if (blocked) {
    const std::string clause = bounds_clause(in.context.key, missing.range);
    return default_blocks(in.settings.table, name.text(), clause.substr(clause.find("FROM")));
  }
  if (in.settings.create_function) {
    if (missing.whole) return std::nullopt;
    return critical("odd_bounds",
                    fmt::format("{} is free but not a whole interval, which is all that "
                                "create_function makes: create it by hand",
                                range_text(missing.range)));
  }
  if (missing.name.size() > longest_name) {
    return critical("name_too_long",
                    fmt::format("this name has {} bytes, PostgreSQL takes {}: shorten name in "
                                "[[partition]]",
                                missing.name.size(), longest_name));
  }
  if (planned_names.contains(missing.name)) {
    return critical("name_clash",
                    fmt::format("name in [[partition]] gives {} the name of an earlier "
                                "range: add a finer conversion such as %d or %H",
                                range_text(missing.range)));
  }
  const auto taken = in.answers.taken_names.find(missing.name);
  if (taken != in.answers.taken_names.end()) {
    return critical(
        "name_clash",
        fmt::format("the partition for {} needs this name, but {} has it: rename or drop "
                    "that, or change name in [[partition]]",
                    range_text(missing.range), taken->second));
  }
  return std::nullopt;
}

/// What can be created, oldest first, each with its reason.
struct Creation {
  NewPartition partition;
  std::string reason;
};

std::vector<Creation> creations(const Inputs& in, const std::vector<TimeRange>& rescued,
                                FindingList& findings) {
  std::vector<Creation> result;
  std::set<std::string> planned_names;
  for (std::size_t i = 0; i < in.draft.missing.size(); ++i) {
    const Missing& missing = in.draft.missing[i];
    if (std::ranges::find(rescued, missing.range) != rescued.end()) continue;
    const bool blocked = i < in.answers.blocked.size() && in.answers.blocked[i];
    if (auto obstacle = creation_obstacle(in, missing, blocked, planned_names)) {
      findings.add({std::move(*obstacle)});
      continue;
    }
    const config::TableName name{in.settings.table.schema, missing.name};
    if (!missing.whole) {
      findings.add(
          Severity::info, "odd_bounds", name.text(),
          fmt::format("{} is not a whole interval of {}: it is what the partitions beside it "
                      "leave free",
                      range_text(missing.range), in.settings.interval.text()));
    }
    planned_names.insert(missing.name);
    result.push_back({{name, missing.range}, creation_reason(in, missing)});
  }
  return result;
}

// Below this, reading the default takes no longer than a lock may be waited for anyhow.
constexpr std::int64_t large_default = 64 << 20;

/// Whether ATTACH would read so much of the default that a guard pays.
bool is_default_large(const Inputs& in) {
  const ObservedPartition& partition = *in.context.default_partition;
  const bool is_never_counted = partition.bytes == 0 && in.snapshot.default_rows &&
                                in.snapshot.default_rows->estimated &&
                                in.snapshot.default_rows->error.empty();
  return partition.bytes >= large_default || is_never_counted;
}

// No clock of a writer is as far ahead.
constexpr Duration far_ahead = std::chrono::days{1};

/// While a guard stands, rows of the range are refused. Nobody writes so far ahead: no row lies as
/// far, and the range begins a day from now, or its own length where that is shorter.
bool is_unwritten(const Inputs& in, const TimeRange& range) {
  const DefaultContents& contents = in.answers.contents;
  const bool is_read =
      contents.error.empty() && in.snapshot.default_rows && in.snapshot.default_rows->error.empty();
  const bool is_beyond_all =
      is_read && (contents.stranded.empty() || contents.stranded.back().range.upper <= range.lower);
  const auto length = std::chrono::duration_cast<Duration>(range.upper - range.lower);
  return is_beyond_all && range.lower - in.snapshot.now >= std::min(length, far_ahead);
}

bool can_guard(const Inputs& in) {
  return in.context.default_partition && !in.settings.create_function &&
         in.context.default_partition->kind == 'r' && in.context.default_partition->owned &&
         is_default_large(in) && can_validate(in.context.default_partition->bytes);
}

/// How many partitions can be attached while the default is locked once, in half of the time that
/// there is for it; one at least.
std::size_t most_in_step(const Inputs& in, bool is_guarded) {
  const std::int64_t read = is_guarded ? 0 : in.context.default_partition->bytes;
  const Duration each = attach_time(in.draft.members.size()) + reading_time(read);
  const Duration all = in.context.referenced.empty() ? longest_attach : longest_attach_with_keys;
  return static_cast<std::size_t>(std::max<std::int64_t>(all / each / 2, 1));
}

/// Several partitions a step, which locks the default once.
std::vector<Step> joint_steps(const Inputs& in, const std::vector<Creation>& wanted,
                              bool is_guarded) {
  const std::size_t most = most_in_step(in, is_guarded);
  std::vector<Step> steps;
  for (std::size_t from = 0; from < wanted.size(); from += most) {
    const std::size_t to = std::min(from + most, wanted.size());
    std::vector<NewPartition> partitions;
    for (std::size_t i = from; i < to; ++i) {
      partitions.push_back(wanted[i].partition);
    }
    Step step = create_step(in.context, partitions, wanted[from].reason);
    const TimeRange range{partitions.front().range.lower, partitions.back().range.upper};
    steps.push_back(is_guarded ? guarded(in.context, std::move(step), range) : std::move(step));
  }
  return steps;
}

/// Takes those behind a guard out of `wanted`.
std::vector<Step> guarded_creation(const Inputs& in, std::vector<Creation>& wanted) {
  if (!can_guard(in)) return {};
  const auto far = std::stable_partition(
      wanted.begin(), wanted.end(),
      [&](const Creation& creation) { return !is_unwritten(in, creation.partition.range); });
  const std::vector<Creation> behind_guard(far, wanted.end());
  wanted.erase(far, wanted.end());
  return joint_steps(in, behind_guard, true);
}

}  // namespace

void plan_creation(const Inputs& in, const std::vector<TimeRange>& rescued,
                   std::vector<Step>& steps, FindingList& findings) {
  if (!may_create(in, findings)) return;
  std::vector<Creation> wanted = creations(in, rescued, findings);
  if (wanted.empty()) return;
  const Urgency urgency =
      creation_urgency(in.settings, in.snapshot.now, wanted.front().partition.range.lower);
  const std::size_t first = steps.size();
  const bool is_forced = urgency == Urgency::forced;
  const UtcTime free_from = wanted.front().partition.range.lower;
  std::vector<Step> behind_guard;
  if (!is_forced) behind_guard = guarded_creation(in, wanted);
  if (is_forced && in.context.default_partition && !in.settings.create_function) {
    std::ranges::move(joint_steps(in, wanted, false), std::back_inserter(steps));
  } else {
    for (const Creation& creation : wanted) {
      steps.push_back(in.settings.create_function
                          ? create_by_function_step(in.context, creation.partition, creation.reason)
                          : create_step(in.context, {creation.partition}, creation.reason));
    }
  }
  std::ranges::move(behind_guard, std::back_inserter(steps));
  for (std::size_t i = first; i < steps.size(); ++i) {
    set_urgency(steps[i], in.settings, urgency);
    if (is_forced) {
      steps[i].effort.patience = patience_left(in.settings, in.snapshot.now, free_from);
    }
  }
}

}  // namespace pgcaretaker::partition
