// SPDX-License-Identifier: Apache-2.0
// Partition bounds as PostgreSQL writes them, read and written. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "partition/calendar.hpp"
#include "partition/key.hpp"

namespace pgcaretaker::partition {

enum class BoundsForm {
  range,              // both ends are instants
  inexact,            // finite, but an end lies between two instants, or before all of them
  unbounded,          // an end is MINVALUE, MAXVALUE, infinite, BC or after year 32766
  default_partition,  // DEFAULT
  unreadable,         // several columns, another strategy, or a text we do not understand
};

/// An end that is not finite lies at UtcTime::min() or UtcTime::max(), so that cover stays
/// computable. `range` means nothing for default_partition and unreadable.
struct Bounds {
  BoundsForm form = BoundsForm::unreadable;
  TimeRange range{};                 // ends that are no instants are rounded outward
  std::optional<TimeRange> inner{};  // the same, rounded inward, where that differs; may be empty

  bool operator==(const Bounds&) const = default;
};

/// Reads pg_get_expr(relpartbound) of a session with TimeZone UTC and DateStyle ISO.
[[nodiscard]] Bounds parse_bounds(std::string_view text, const Key& key = KeyType::timestamptz);

/// Whether the second begins with the very value that the first ends with.
[[nodiscard]] bool touches(std::string_view bounds, std::string_view next_bounds);

/// `FOR VALUES FROM ('...') TO ('...')`, the same text that pg_get_expr gives back.
[[nodiscard]] std::string bounds_clause(const Key& key, const TimeRange& range);

}  // namespace pgcaretaker::partition
