// SPDX-License-Identifier: Apache-2.0
// The SQL of an outbox, made of configured expressions. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "outbox/snapshot.hpp"

namespace pgcaretaker::outbox {

/// One configured state: its expressions and the keys they come from.
struct Terms {
  State state = State::pending;
  std::string where;
  std::string since;
  std::optional<Duration> keep;  // nullopt = never due
  std::string where_key;         // e.g. outbox.done.where
  std::string since_key;
  /// Conditions of states that this one never touches, whatever its own condition says: a sweep of
  /// done takes neither pending nor dead rows, a sweep of dead no pending ones.
  std::vector<std::string> spared;
};

/// The states that `settings` defines, in the order of State.
[[nodiscard]] std::vector<Terms> configured_states(const config::Outbox& settings);

/// Rows whose age reached `keep` at `as_of` are older than this.
[[nodiscard]] std::optional<UtcTime> cutoff_of(const Terms& terms, UtcTime as_of);

/// What a counting statement is asked for.
enum class Wanted { everything, oldest, due };

/// One row: rows, oldest_seconds, due (null where not wanted or not defined), over the whole table,
/// or over a share of its pages when `sample_percent` is given (counts as found, not scaled up).
[[nodiscard]] std::string count_sql(const config::TableName& table, const Terms& terms,
                                    UtcTime as_of, Wanted wanted,
                                    std::optional<double> sample_percent);

/// Fails in the parser when `where` is at fault.
[[nodiscard]] std::string where_only_sql(const config::TableName& table, const Terms& terms);

/// One batch of a sweep: $1 cutoff, $2 and $3 the half-open range of row addresses. `outbox` is the
/// name that the expressions may use for the table.
[[nodiscard]] std::string sweep_sql(const config::TableName& outbox, const config::TableName& heap,
                                    const Terms& terms);

/// Blocks of the heap named by $1 (quoted, as text) right now.
inline constexpr const char* heap_blocks_sql =
    "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint AS blocks";

/// Address of the first row of a block: (12,0).
[[nodiscard]] std::string block_address(std::int64_t block);

}  // namespace pgcaretaker::outbox
