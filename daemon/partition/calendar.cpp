// SPDX-License-Identifier: Apache-2.0
// Interval arithmetic on std::chrono's civil calendar.
#include "partition/calendar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace pgcaretaker::partition {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::sys_days;

constexpr std::int64_t last_year = 32767;              // std::chrono::year::max()
constexpr std::int64_t hours_of_week_origin = 4 * 24;  // 1970-01-05, the first Monday

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

/// 0 = January of year 0.
UtcTime month_start(std::int64_t month) {
  month = std::clamp<std::int64_t>(month, 0, last_year * 12);
  const std::chrono::year year{static_cast<int>(month / 12)};
  const std::chrono::month month_of_year{static_cast<unsigned>(month % 12 + 1)};
  return sys_days{year / month_of_year / std::chrono::day{1}};
}

/// Hours since 1970-01-01, cut to what month_start() can give.
UtcTime hour_start(std::int64_t hour) {
  static const std::int64_t first = floor<hours>(month_start(0)).time_since_epoch().count();
  static const std::int64_t last =
      floor<hours>(month_start(last_year * 12)).time_since_epoch().count();
  return UtcTime{hours{std::clamp(hour, first, last)}};
}

std::int64_t month_of(UtcTime at) {
  const std::chrono::year_month_day date{floor<days>(at)};
  return std::int64_t{int{date.year()}} * 12 + unsigned{date.month()} - 1;
}

struct Length {
  bool in_months;       // otherwise in hours
  std::int64_t units;   // months or hours
  std::int64_t origin;  // where counting starts, in the same unit
};

Length length_of(const config::Interval& interval) {
  const std::int64_t count = std::max(interval.count, 1);
  switch (interval.unit) {
    case config::IntervalUnit::hour:
      return {false, count, 0};
    case config::IntervalUnit::day:
      return {false, count * 24, 0};
    case config::IntervalUnit::week:
      return {false, count * 7 * 24, hours_of_week_origin};
    case config::IntervalUnit::month:
      return {true, count, 0};
    case config::IntervalUnit::quarter:
      return {true, count * 3, 0};
    case config::IntervalUnit::year:
      return {true, count * 12, 0};
  }
  return {true, count, 0};
}

}  // namespace

TimeRange interval_containing(const config::Interval& interval, UtcTime at) {
  const Length length = length_of(interval);
  const std::int64_t position =
      length.in_months ? month_of(at) : floor<hours>(at).time_since_epoch().count();
  const std::int64_t first =
      floor_div(position - length.origin, length.units) * length.units + length.origin;
  if (length.in_months) {
    return {month_start(first), month_start(first + length.units)};
  }
  return {hour_start(first), hour_start(first + length.units)};
}

TimeRange interval_after(const config::Interval& interval, const TimeRange& range) {
  return interval_containing(interval, range.upper);
}

std::string time_text(UtcTime time) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date{day};
  std::string text = fmt::format("{:04}-{:02}-{:02}", int{date.year()}, unsigned{date.month()},
                                 unsigned{date.day()});
  const std::chrono::hh_mm_ss clock{time - day};
  if (time != day) {
    text += fmt::format(" {:02}:{:02}", clock.hours().count(), clock.minutes().count());
  }
  if (clock.seconds().count() != 0 || clock.subseconds().count() != 0) {
    text += fmt::format(":{:02}", clock.seconds().count());
  }
  return text;
}

std::string range_text(const TimeRange& range) {
  return time_text(range.lower) + " to " + time_text(range.upper);
}

}  // namespace pgcaretaker::partition
