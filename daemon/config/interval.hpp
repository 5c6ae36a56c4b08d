// SPDX-License-Identifier: Apache-2.0
// The calendar length of a partition, as configured; partition/calendar.hpp does the arithmetic.
#pragma once

namespace pgcaretaker::config {

enum class IntervalUnit { hour, day, week, month, quarter, year };

/// `count` units, e.g. {day, 10} = "10 days". Multiples are counted from a fixed origin, so that the
/// same settings always give the same bounds.
struct Interval {
  IntervalUnit unit = IntervalUnit::month;
  int count = 1;

  bool operator==(const Interval&) const = default;
};

}  // namespace pgcaretaker::config
