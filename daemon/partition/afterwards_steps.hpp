// SPDX-License-Identifier: Apache-2.0
// The SQL of freezing a closed partition and of analyzing the table itself. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

namespace statement {
inline constexpr std::string_view still_unfrozen = "partition.still_unfrozen";
inline constexpr std::string_view freeze = "partition.freeze";
inline constexpr std::string_view analyze = "partition.analyze";
}  // namespace statement

namespace action {
inline constexpr std::string_view freeze = "freeze";
inline constexpr std::string_view analyze = "analyze";
}  // namespace action

/// A partition that has closed, and the one whose ATTACH says since when.
struct Closed {
  ObservedPartition observed;
  TimeRange range;
  config::TableName later;     // the last partition of the window as it stood at its upper bound
  std::int64_t later_oid = 0;  // 0 = it is created in this very pass
};

/// How old, in transaction ids, the oldest row of table `c` may be, TOAST included. Of type int4.
[[nodiscard]] std::string_view unfrozen_age_sql();

/// How old, in transaction ids, the oldest transaction is that may still need row versions of this
/// database's tables; 0 = there is none. An expression of type int8. Other sessions' are seen only
/// by members of pg_read_all_stats.
[[nodiscard]] std::string_view horizon_sql();

[[nodiscard]] task::Step freeze_step(const config::Partition& settings, std::int64_t table_oid,
                                     const Closed& closed);

/// `server_version` as libpq numbers it: from 18 on only the table itself is analyzed.
[[nodiscard]] task::Step analyze_step(const config::Partition& settings, std::int64_t table_oid,
                                      int server_version, std::string reason);

/// Whether it was made here. Its last statement, the only one that changes anything, runs outside a
/// transaction.
[[nodiscard]] bool is_afterwards(const task::Step& step);

}  // namespace pgcaretaker::partition
