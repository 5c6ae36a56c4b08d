// SPDX-License-Identifier: Apache-2.0
// What is left to do when a partition has closed, or the set of them has changed: freeze, analyze.
// Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "partition/afterwards_steps.hpp"
#include "partition/draft.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// A closed partition whose relfrozenxid is not beyond the ATTACH of the later one.
struct Unfrozen {
  bool may_vacuum = false;
  bool passed = false;         // no transaction is left that is as old as that ATTACH
  std::int64_t live_rows = 0;  // as the statistics have it; 0 after they were reset
};

/// What the server keeps about the table itself.
struct TableStatistics {
  std::optional<std::int64_t> rows;  // of the last ANALYZE; nullopt = there never was one
  std::optional<UtcTime> analyzed;   // when that was; nullopt = never, or nobody knows any more
  bool has_rows = false;             // asked only where no partition was ever counted
  bool may_analyze = false;
  std::int64_t lock_space = 0;  // locks that the server has room for
  bool are_kept = true;         // track_counts: otherwise nothing ever tells when it was
};

/// Answers to what the plan's other steps leave open.
struct Aftermath {
  int server_version = 0;                     // as libpq numbers it
  std::map<std::int64_t, Unfrozen> unfrozen;  // by OID; absent = frozen
  bool sees_all = true;                       // other sessions' transactions
  std::string holder;                         // who holds the horizon back; "" = nobody
  std::optional<TableStatistics> statistics;  // nullopt = not asked
};

/// Regular partitions that have closed and that no step of `plan` and no retention is about, oldest
/// first, without those in `frozen`, the OIDs of those known to be frozen. Not those of which
/// nothing tells since when they are closed: no partition stands, or is created by `plan`, where
/// the window ended at that time.
[[nodiscard]] std::vector<Closed> closed_partitions(const config::Partition& settings,
                                                    const Snapshot& snapshot, const Draft& draft,
                                                    const Answers& answers, const task::Plan& plan,
                                                    const std::set<std::int64_t>& frozen);

/// Rows of all partitions, as far as the server has counted them.
[[nodiscard]] std::int64_t counted_rows(const Snapshot& snapshot);

/// Adds the steps, freezing first and a few at a time, and what keeps from them as findings.
void plan_afterwards(const config::Partition& settings, const Snapshot& snapshot,
                     const Draft& draft, const std::vector<Closed>& closed,
                     const Aftermath& aftermath, task::Plan& plan);

}  // namespace pgcaretaker::partition
