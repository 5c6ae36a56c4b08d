// SPDX-License-Identifier: Apache-2.0
// How a key column holds time: its values as instants, and instants as its values. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/time.hpp"
#include "partition/calendar.hpp"

namespace pgcaretaker::partition {

/// The types we understand. timestamp and timestamptz both are read as UTC.
enum class KeyType { date, timestamp, timestamptz, uuid, bigint, integer };

/// format_type's name of it; nullopt for any other type.
[[nodiscard]] std::optional<KeyType> key_type(std::string_view type_name);

/// What follows the 48 bits of time in a bound between uuids. All of these say the same about
/// version 7, whose next digit is a 7. We write the first one unless a set has another.
inline constexpr std::string_view uuid_tails[] = {
    "0000-0000-000000000000", "7000-0000-000000000000", "7000-8000-000000000000"};

/// A number is ((time - epoch) / tick) << shift; only bigint and integer use these three.
struct Key {
  Key() = default;
  // A date or a time needs no more than its type.
  Key(KeyType its_type) : type{its_type} {}

  KeyType type = KeyType::timestamptz;
  std::chrono::microseconds tick{1};
  int shift = 0;
  UtcTime epoch{};
  std::string_view uuid_tail = uuid_tails[0];

  bool operator==(const Key&) const = default;
};

[[nodiscard]] bool counts(const Key& key);  // bigint and integer

/// For casts of the literal below.
[[nodiscard]] std::string_view sql_type(const Key& key);

/// The instants it has values for: unlimited at an end means UtcTime::min() or max(). What is
/// negative does not count as time, since numbers below zero are used for much else.
[[nodiscard]] TimeRange span_of(const Key& key);

/// The literal of an instant within span_of(), without quotes: `2026-11-01` for a date,
/// `2026-11-01 00:00:00` for a timestamp, `2026-11-01 00:00:00+00` for a timestamptz, and the least
/// of all values of that millisecond for a uuid and a snowflake.
[[nodiscard]] std::string bound_literal(const Key& key, UtcTime time);

/// A value among the values of instants: the last one at or below it, the first one at or above
/// it. Both are the same for the value of an instant.
struct Position {
  UtcTime floor;
  UtcTime ceiling;
  bool finite = true;  // otherwise both lie at UtcTime::min() or max()

  [[nodiscard]] bool is_instant() const { return floor == ceiling; }
};

/// Reads a value as PostgreSQL writes it; nullopt when it is none of this key.
[[nodiscard]] std::optional<Position> position_of(const Key& key, std::string_view value);

}  // namespace pgcaretaker::partition
