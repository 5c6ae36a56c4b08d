// SPDX-License-Identifier: Apache-2.0
// Calendar arithmetic of partition intervals: which interval an instant lies in. Pure, UTC only.
#pragma once

#include <string>

#include "async/time.hpp"
#include "config/interval.hpp"

namespace pgcaretaker::partition {

/// Half-open: lower <= t < upper.
struct TimeRange {
  UtcTime lower;
  UtcTime upper;

  bool operator==(const TimeRange&) const = default;
  [[nodiscard]] bool empty() const { return upper <= lower; }
  [[nodiscard]] bool contains(UtcTime time) const { return lower <= time && time < upper; }
};

/// The interval that `at` lies in. Multiples are counted from a fixed origin, so the same settings
/// give the same bounds on every day and every machine: hours and days from 1970-01-01 00:00, weeks
/// from Monday 1970-01-05 (ISO weeks), months, quarters and years from January of year 0, so that 3
/// months are a quarter, 12 months a calendar year and 10 years a decade. Bounds are cut at the
/// years 0 and 32767, the ends of std::chrono::year's useful range.
[[nodiscard]] TimeRange interval_containing(const config::Interval& interval, UtcTime at);

/// The interval that begins where `range` ends.
[[nodiscard]] TimeRange interval_after(const config::Interval& interval, const TimeRange& range);

/// For reasons and findings: "2026-11-01", with the time of day only when it is not midnight:
/// "2026-11-01 06:00", with seconds only when there are any.
[[nodiscard]] std::string time_text(UtcTime time);

/// "2026-11-01 to 2026-12-01".
[[nodiscard]] std::string range_text(const TimeRange& range);

}  // namespace pgcaretaker::partition
