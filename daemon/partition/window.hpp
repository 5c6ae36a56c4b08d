// SPDX-License-Identifier: Apache-2.0
// The window of partitions that must stand, and what of it is missing. Pure.
#pragma once

#include <optional>
#include <vector>

#include "config/interval.hpp"
#include "partition/calendar.hpp"

namespace pgcaretaker::partition {

/// A range of the window that no partition covers.
struct Gap {
  TimeRange range;
  bool whole = true;  // a whole interval; otherwise what odd partitions leave free of one
};

/// Sorted, without overlaps, touching ranges joined.
[[nodiscard]] std::vector<TimeRange> merged(std::vector<TimeRange> ranges);

/// End of the unbroken cover that begins at `now`; `now` itself when it is not covered. `cover` is
/// merged.
[[nodiscard]] UtcTime covered_until(const std::vector<TimeRange>& cover, UtcTime now);

/// The current interval and `ahead` more: from the start of the first to the end of the last.
[[nodiscard]] TimeRange window(const config::Interval& interval, int ahead, UtcTime now);

/// What is free inside window(), cut at interval bounds, oldest first: never overlaps `cover`, and
/// together with it leaves no gap in the window. `cover` is merged.
[[nodiscard]] std::vector<Gap> gaps(const config::Interval& interval, int ahead, UtcTime now,
                                    const std::vector<TimeRange>& cover);

/// The part around `at` of the interval that it lies in, as far as `cover` leaves it free; nullopt
/// when `at` is covered. `cover` is merged.
[[nodiscard]] std::optional<TimeRange> free_piece(const config::Interval& interval, UtcTime at,
                                                  const std::vector<TimeRange>& cover);

}  // namespace pgcaretaker::partition
