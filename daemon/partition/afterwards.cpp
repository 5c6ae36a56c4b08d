// SPDX-License-Identifier: Apache-2.0
// Which closed partitions are to be frozen, and whether the table is to be analyzed.
#include "partition/afterwards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "partition/retirement.hpp"
#include "partition/steps.hpp"
#include "partition/window.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using task::Finding;
using task::Severity;
using task::Step;

// A pass has other things to do: a backlog of years is worked off pass by pass.
constexpr std::size_t most_freezes = 10;
// What autovacuum does for ordinary tables unless told otherwise: so many rows changed, and a tenth
// of all.
constexpr std::int64_t base_threshold = 50;
constexpr std::int64_t scale = 10;
// Where counts of partitions stay behind those of the table, an analysis would seem due for ever.
constexpr Duration longest_pause = std::chrono::days{1};
// An ANALYZE locks all partitions at once; the rest of the server needs locks too.
constexpr std::int64_t share_of_locks = 2;

bool makes_partitions(const Step& step) {
  return step.action == action::create || step.action == "drain" || step.action == "adopt";
}

/// What partition, there or planned, holds an instant.
class Places {
 public:
  Places(const config::Partition& settings, const Draft& draft, const task::Plan& plan)
      : settings_{settings}, draft_{draft} {
    const auto has_range = [](const Member& member) {
      return member.standing != Standing::default_partition &&
             member.standing != Standing::unreadable;
    };
    end_ = std::ranges::partition_point(draft.members, has_range);
    creates_ = std::ranges::any_of(plan.steps, makes_partitions);
  }

  /// Fills in `later`; false = there is none.
  [[nodiscard]] bool find(UtcTime instant, Closed& closed) const {
    const auto member =
        std::upper_bound(draft_.members.begin(), end_, instant,
                         [](UtcTime time, const Member& each) { return time < each.range.upper; });
    if (member != end_ && member->range.contains(instant)) {
      closed.later = member->observed.name;
      closed.later_oid = member->observed.oid;
      return true;
    }
    if (!creates_) return false;
    for (const Missing& missing : draft_.missing) {
      if (!missing.range.contains(instant)) continue;
      closed.later = config::TableName{settings_.table.schema, missing.name};
      return true;
    }
    return false;
  }

 private:
  const config::Partition& settings_;
  const Draft& draft_;
  std::vector<Member>::const_iterator end_;
  bool creates_ = false;
};

bool has_step(const task::Plan& plan, const std::string& subject) {
  return std::ranges::find(plan.steps, subject, &Step::subject) != plan.steps.end();
}

void say(task::Plan& plan, std::string code, const config::Partition& settings, std::string text) {
  plan.findings.push_back(
      Finding{Severity::info, std::move(code), settings.table.text(), std::move(text)});
}

/// "public.a" or "public.a and 3 more".
std::string names_of(const std::vector<const Closed*>& partitions) {
  const std::string first = partitions.front()->observed.name.text();
  const std::size_t more = partitions.size() - 1;
  return more == 0 ? first : fmt::format("{} and {} more", first, more);
}

/// What the statistics say and what the last ANALYZE counted, whichever is more.
std::int64_t rows_of(const ObservedPartition& partition, const Aftermath& aftermath) {
  const std::int64_t counted = partition.rows.value_or(0);
  const auto unfrozen = aftermath.unfrozen.find(partition.oid);
  if (unfrozen == aftermath.unfrozen.end()) return counted;
  return std::max(counted, unfrozen->second.live_rows);
}

void plan_freezes(const config::Partition& settings, const Snapshot& snapshot,
                  const std::vector<Closed>& closed, const Aftermath& aftermath, task::Plan& plan) {
  std::vector<const Closed*> forbidden;
  std::vector<const Closed*> held_back;
  std::vector<const Closed*> hidden;
  std::size_t planned = 0;
  for (const Closed& each : closed) {
    const auto found = aftermath.unfrozen.find(each.observed.oid);
    if (found == aftermath.unfrozen.end()) continue;
    if (!found->second.may_vacuum) {
      forbidden.push_back(&each);
    } else if (!aftermath.sees_all) {
      hidden.push_back(&each);
    } else if (!found->second.passed) {
      held_back.push_back(&each);
    } else if (planned < most_freezes) {
      plan.steps.push_back(freeze_step(settings, snapshot.table.oid, each));
      ++planned;
    }
  }
  if (!forbidden.empty()) {
    say(plan, "may_not_freeze", settings,
        fmt::format("closed, but not frozen: {}, since role {} may not VACUUM: make it the owner, "
                    "grant it MAINTAIN (PostgreSQL 17 and later), or set freeze = false",
                    names_of(forbidden), snapshot.role));
  }
  if (!hidden.empty()) {
    say(plan, "horizon_hidden", settings,
        fmt::format("closed, but not frozen: {}, since other sessions' transactions are hidden: "
                    "grant our login pg_monitor",
                    names_of(hidden)));
  }
  if (!held_back.empty()) {
    say(plan, "freeze_held_back", settings,
        fmt::format("closed, but not frozen yet: {}, since a transaction from before may still "
                    "need their rows as they were: {}",
                    names_of(held_back), aftermath.holder));
  }
}

/// It is frozen in this pass, and nobody knows yet how many rows it has.
bool will_be_counted(const Member& member, const Aftermath& aftermath) {
  const auto found = aftermath.unfrozen.find(member.observed.oid);
  return found != aftermath.unfrozen.end() && found->second.passed && found->second.may_vacuum &&
         aftermath.sees_all && !member.observed.rows && found->second.live_rows == 0;
}

/// Nobody counts them before there is a row.
bool is_empty_by_nature(const Member& member, UtcTime now) {
  return member.standing == Standing::default_partition ||
         (member.standing == Standing::regular && member.range.lower > now);
}

/// Rows that have come to rest, and rows that have gone, since the last ANALYZE.
struct Change {
  std::int64_t closed = 0;
  std::int64_t gone = 0;
  std::int64_t counted = 0;
  bool is_unknown = false;  // a partition is frozen now that nobody has counted
};

Change change_since(UtcTime analyzed, const config::Partition& settings, const Snapshot& snapshot,
                    const Draft& draft, const Aftermath& aftermath) {
  Change change;
  bool all_counted = true;
  for (const Member& member : draft.members) {
    const std::int64_t rows = rows_of(member.observed, aftermath);
    all_counted = all_counted && (member.observed.rows || is_empty_by_nature(member, snapshot.now));
    change.counted += rows;
    const bool has_closed = member.standing == Standing::regular &&
                            member.range.upper <= snapshot.now && member.range.upper > analyzed;
    if (!has_closed) continue;
    change.closed += rows;
    change.is_unknown = change.is_unknown || will_be_counted(member, aftermath);
  }
  const Duration interval = config::shortest_length(settings.interval);
  const Duration pause = std::min(longest_pause, interval);
  const std::int64_t before = aftermath.statistics->rows.value_or(0);
  if (all_counted && snapshot.now - analyzed > pause) {
    change.gone = std::max<std::int64_t>(0, before - change.counted);
  }
  change.counted = std::max(change.counted, before);
  return change;
}

/// Why it is due; "" = it is not.
std::string reason_to_analyze(const config::Partition& settings, const Snapshot& snapshot,
                              const Draft& draft, const Aftermath& aftermath) {
  const TableStatistics& known = *aftermath.statistics;
  const bool has_rows = known.has_rows || counted_rows(snapshot) > 0 ||
                        std::ranges::any_of(draft.members, [&](const Member& member) {
                          return will_be_counted(member, aftermath);
                        });
  if (!known.rows) {
    return has_rows ? "it was never analyzed, and autovacuum leaves partitioned tables out" : "";
  }
  if (!known.analyzed) {
    return has_rows && known.are_kept
               ? "the server's statistics do not tell any more when it was last analyzed"
               : "";
  }
  const Change change = change_since(*known.analyzed, settings, snapshot, draft, aftermath);
  const std::int64_t changed = change.closed + change.gone;
  if (!change.is_unknown && changed <= base_threshold + change.counted / scale) return {};
  return fmt::format(
      "since it was last analyzed, {}, partitions of {} rows have closed, and {} rows have gone, "
      "of about {}",
      time_text(std::chrono::floor<std::chrono::seconds>(*known.analyzed)),
      change.is_unknown ? "uncounted" : std::to_string(change.closed), change.gone, change.counted);
}

/// What speaks against it; "" = nothing.
std::string obstacle_to_analyze(const Snapshot& snapshot, const Draft& draft,
                                const Aftermath& aftermath) {
  const auto count = static_cast<std::int64_t>(draft.members.size());
  if (!aftermath.statistics->may_analyze) {
    return fmt::format(
        "role {} may not: make it the owner, grant it MAINTAIN (PostgreSQL 17 and "
        "later), or set analyze = false",
        snapshot.role);
  }
  if (std::ranges::any_of(draft.members,
                          [](const Member& each) { return each.observed.kind == 'f'; })) {
    return "it has foreign tables among its partitions, which would be read over the network";
  }
  if (count > aftermath.statistics->lock_space / share_of_locks) {
    return fmt::format(
        "it would lock all {} partitions at once, and the server has room for {} "
        "locks: raise max_locks_per_transaction",
        count, aftermath.statistics->lock_space);
  }
  return {};
}

void plan_analysis(const config::Partition& settings, const Snapshot& snapshot, const Draft& draft,
                   const Aftermath& aftermath, task::Plan& plan) {
  if (!aftermath.statistics) return;
  std::string reason = reason_to_analyze(settings, snapshot, draft, aftermath);
  if (reason.empty()) return;
  const std::string obstacle = obstacle_to_analyze(snapshot, draft, aftermath);
  if (!obstacle.empty()) {
    say(plan, "may_not_analyze", settings,
        fmt::format("ANALYZE is due, since {}, but {}", reason, obstacle));
    return;
  }
  plan.steps.push_back(
      analyze_step(settings, snapshot.table.oid, aftermath.server_version, std::move(reason)));
}

}  // namespace

std::vector<Closed> closed_partitions(const config::Partition& settings, const Snapshot& snapshot,
                                      const Draft& draft, const Answers& answers,
                                      const task::Plan& plan,
                                      const std::set<std::int64_t>& frozen) {
  using Tick = UtcTime::duration;
  const Places places{settings, draft, plan};
  std::vector<Closed> result;
  for (const Member& member : draft.members) {
    const bool is_candidate = member.standing == Standing::regular &&
                              member.range.upper <= snapshot.now &&
                              !frozen.contains(member.observed.oid);
    if (!is_candidate || has_step(plan, member.observed.name.text())) continue;
    const bool goes_soon = is_expired(member, draft.retention) && can_retire(settings) &&
                           !is_held(settings, answers, member.observed.oid);
    if (goes_soon) continue;
    Closed closed{member.observed, member.range, {}, 0};
    const UtcTime end = window(settings.interval, settings.ahead, member.range.upper).upper;
    if (places.find(end - Tick{1}, closed)) result.push_back(std::move(closed));
  }
  return result;
}

std::int64_t counted_rows(const Snapshot& snapshot) {
  std::int64_t rows = 0;
  for (const ObservedPartition& partition : snapshot.partitions) {
    rows += partition.rows.value_or(0);
  }
  return rows;
}

void plan_afterwards(const config::Partition& settings, const Snapshot& snapshot,
                     const Draft& draft, const std::vector<Closed>& closed,
                     const Aftermath& aftermath, task::Plan& plan) {
  plan_freezes(settings, snapshot, closed, aftermath, plan);
  plan_analysis(settings, snapshot, draft, aftermath, plan);
}

}  // namespace pgcaretaker::partition
