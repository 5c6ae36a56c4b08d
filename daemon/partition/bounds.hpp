// SPDX-License-Identifier: Apache-2.0
// Partition bounds as PostgreSQL writes them, read and written. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "partition/calendar.hpp"

namespace pgcaretaker::partition {

/// The key types we understand. timestamp and timestamptz both are read as UTC.
enum class KeyType { date, timestamp, timestamptz };

/// format_type's name of it; nullopt for any other type.
[[nodiscard]] std::optional<KeyType> key_type(std::string_view type_name);

/// The same as a type name in SQL, short: date, timestamp, timestamptz.
[[nodiscard]] std::string_view sql_type(KeyType key);

enum class BoundsForm {
  range,              // both ends finite
  unbounded,          // an end is MINVALUE, MAXVALUE, infinite, BC or after year 32766
  default_partition,  // DEFAULT
  unreadable,         // several columns, another strategy, or a text we do not understand
};

/// An end that is not finite lies at UtcTime::min() or UtcTime::max(), so that cover stays
/// computable. `range` means nothing for default_partition and unreadable.
struct Bounds {
  BoundsForm form = BoundsForm::unreadable;
  TimeRange range{};

  bool operator==(const Bounds&) const = default;
};

/// Reads pg_get_expr(relpartbound) of a session with TimeZone UTC and DateStyle ISO.
[[nodiscard]] Bounds parse_bounds(std::string_view text);

/// The literal of one bound, without quotes: `2026-11-01` for a date, `2026-11-01 00:00:00` for a
/// timestamp, `2026-11-01 00:00:00+00` for a timestamptz.
[[nodiscard]] std::string bound_literal(KeyType key, UtcTime time);

/// `FOR VALUES FROM ('...') TO ('...')`, the same text that pg_get_expr gives back.
[[nodiscard]] std::string bounds_clause(KeyType key, const TimeRange& range);

}  // namespace pgcaretaker::partition
