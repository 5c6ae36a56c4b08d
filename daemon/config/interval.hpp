// SPDX-License-Identifier: Apache-2.0
// The calendar length of a partition, as configured; partition/calendar.hpp does the arithmetic.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgcaretaker::config {

enum class IntervalUnit { hour, day, week, month, quarter, year };

/// `count` units, e.g. {day, 10} = "10 days". Multiples are counted from a fixed origin, so that
/// the same settings always give the same bounds.
struct Interval {
  IntervalUnit unit = IntervalUnit::month;
  int count = 1;

  bool operator==(const Interval&) const = default;
  /// "1 month", "10 days": what parse_interval() reads back.
  [[nodiscard]] std::string text() const;
};

/// "month", "1 month", "10 days": a unit in full, singular or plural, alone or after a count of
/// 1..1000. nullopt for anything else.
[[nodiscard]] std::optional<Interval> parse_interval(std::string_view text);

/// How long it is at least: a month counts 28 days, a quarter 90, a year 365.
[[nodiscard]] std::chrono::hours shortest_length(const Interval& interval);

}  // namespace pgcaretaker::config
