// SPDX-License-Identifier: Apache-2.0
// Interval arithmetic over sorted ranges.
#include "partition/window.hpp"

#include <algorithm>

namespace pgcaretaker::partition {

std::vector<TimeRange> merged(std::vector<TimeRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const TimeRange& a, const TimeRange& b) { return a.lower < b.lower; });
  std::vector<TimeRange> result;
  for (const TimeRange& range : ranges) {
    if (!result.empty() && range.lower <= result.back().upper) {
      result.back().upper = std::max(result.back().upper, range.upper);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

UtcTime covered_until(const std::vector<TimeRange>& cover, UtcTime now) {
  for (const TimeRange& range : cover) {
    if (range.contains(now)) return range.upper;
  }
  return now;
}

TimeRange window(const config::Interval& interval, int ahead, UtcTime now) {
  TimeRange last = interval_containing(interval, now);
  const UtcTime lower = last.lower;
  for (int i = 0; i < ahead; ++i) {
    last = interval_after(interval, last);
  }
  return {lower, last.upper};
}

std::vector<Gap> gaps(const config::Interval& interval, int ahead, UtcTime now,
                      const std::vector<TimeRange>& cover) {
  std::vector<Gap> result;
  TimeRange current = interval_containing(interval, now);
  auto next_cover = cover.begin();
  for (int i = 0; i <= ahead; ++i, current = interval_after(interval, current)) {
    UtcTime from = current.lower;
    while (next_cover != cover.end() && next_cover->upper <= from) {
      ++next_cover;
    }
    for (auto covered = next_cover; covered != cover.end() && covered->lower < current.upper;
         ++covered) {
      const TimeRange before{from, covered->lower};
      if (!before.empty()) result.push_back(Gap{before, false});
      from = covered->upper;
    }
    const TimeRange rest{from, current.upper};
    if (!rest.empty()) result.push_back(Gap{rest, rest == current});
  }
  return result;
}

std::optional<TimeRange> free_piece(const config::Interval& interval, UtcTime at,
                                    const std::vector<TimeRange>& cover) {
  TimeRange piece = interval_containing(interval, at);
  for (const TimeRange& range : cover) {
    if (range.contains(at)) return std::nullopt;
    if (range.upper <= at) piece.lower = std::max(piece.lower, range.upper);
    if (range.lower > at) piece.upper = std::min(piece.upper, range.lower);
  }
  return piece;
}

}  // namespace pgcaretaker::partition
