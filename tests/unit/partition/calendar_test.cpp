// SPDX-License-Identifier: Apache-2.0
// Which interval an instant lies in: leap days, year ends, ISO weeks, multiples and their origins.
#include "partition/calendar.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using config::Interval;
using config::IntervalUnit;
using test::at;
using test::range;

namespace {

struct CalendarCase {
  Interval interval;
  std::string at;
  std::string lower;
  std::string upper;
};

// clang-format off
const CalendarCase calendar_cases[] = {
    {{IntervalUnit::hour, 1}, "2026-11-23 14:37", "2026-11-23 14:00", "2026-11-23 15:00"},
    {{IntervalUnit::hour, 1}, "2026-12-31 23:59", "2026-12-31 23:00", "2027-01-01"},
    {{IntervalUnit::hour, 6}, "2026-11-23 05:59", "2026-11-23", "2026-11-23 06:00"},
    {{IntervalUnit::hour, 6}, "2026-11-23 18:00", "2026-11-23 18:00", "2026-11-24"},
    {{IntervalUnit::hour, 24}, "2026-11-23 18:00", "2026-11-23", "2026-11-24"},
    {{IntervalUnit::hour, 5}, "1970-01-01 12:00", "1970-01-01 10:00", "1970-01-01 15:00"},
    {{IntervalUnit::hour, 5}, "1969-12-31 23:00", "1969-12-31 19:00", "1970-01-01"},
    {{IntervalUnit::day, 1}, "2028-02-29 12:00", "2028-02-29", "2028-03-01"},
    {{IntervalUnit::day, 1}, "2028-02-28 23:59", "2028-02-28", "2028-02-29"},
    {{IntervalUnit::day, 1}, "2026-02-28", "2026-02-28", "2026-03-01"},
    {{IntervalUnit::day, 1}, "2026-03-29 01:30", "2026-03-29", "2026-03-30"},
    {{IntervalUnit::day, 10}, "1970-01-01", "1970-01-01", "1970-01-11"},
    {{IntervalUnit::day, 10}, "1970-01-11", "1970-01-11", "1970-01-21"},
    {{IntervalUnit::day, 10}, "1969-12-31", "1969-12-22", "1970-01-01"},
    {{IntervalUnit::day, 10}, "2026-11-23", "2026-11-23", "2026-12-03"},
    {{IntervalUnit::day, 7}, "1970-01-07", "1970-01-01", "1970-01-08"},
    {{IntervalUnit::day, 10}, "2026-11-22 23:59", "2026-11-13", "2026-11-23"},
    {{IntervalUnit::week, 1}, "2026-11-23", "2026-11-23", "2026-11-30"},
    {{IntervalUnit::week, 1}, "2026-11-22 23:59", "2026-11-16", "2026-11-23"},
    {{IntervalUnit::week, 1}, "2026-12-31", "2026-12-28", "2027-01-04"},
    {{IntervalUnit::week, 1}, "2027-01-03 23:59", "2026-12-28", "2027-01-04"},
    {{IntervalUnit::week, 1}, "2020-12-31", "2020-12-28", "2021-01-04"},
    {{IntervalUnit::week, 1}, "1970-01-01", "1969-12-29", "1970-01-05"},
    {{IntervalUnit::week, 2}, "1970-01-05", "1970-01-05", "1970-01-19"},
    {{IntervalUnit::week, 2}, "1970-01-04", "1969-12-22", "1970-01-05"},
    {{IntervalUnit::week, 2}, "2026-11-23", "2026-11-23", "2026-12-07"},
    {{IntervalUnit::month, 1}, "2026-11-30 23:59", "2026-11-01", "2026-12-01"},
    {{IntervalUnit::month, 1}, "2026-12-01", "2026-12-01", "2027-01-01"},
    {{IntervalUnit::month, 1}, "2028-02-29 12:00", "2028-02-01", "2028-03-01"},
    {{IntervalUnit::month, 1}, "1969-12-31", "1969-12-01", "1970-01-01"},
    {{IntervalUnit::month, 2}, "2026-11-23", "2026-11-01", "2027-01-01"},
    {{IntervalUnit::month, 2}, "2026-12-31", "2026-11-01", "2027-01-01"},
    {{IntervalUnit::month, 5}, "0000-01-01", "0000-01-01", "0000-06-01"},
    {{IntervalUnit::month, 6}, "2026-07-01", "2026-07-01", "2027-01-01"},
    {{IntervalUnit::month, 12}, "2026-07-01", "2026-01-01", "2027-01-01"},
    {{IntervalUnit::quarter, 1}, "2026-03-31", "2026-01-01", "2026-04-01"},
    {{IntervalUnit::quarter, 1}, "2026-04-01", "2026-04-01", "2026-07-01"},
    {{IntervalUnit::quarter, 1}, "2026-09-30 23:59", "2026-07-01", "2026-10-01"},
    {{IntervalUnit::quarter, 1}, "2026-12-31", "2026-10-01", "2027-01-01"},
    {{IntervalUnit::quarter, 2}, "2026-07-01", "2026-07-01", "2027-01-01"},
    {{IntervalUnit::quarter, 4}, "2026-07-01", "2026-01-01", "2027-01-01"},
    {{IntervalUnit::year, 1}, "2028-02-29", "2028-01-01", "2029-01-01"},
    {{IntervalUnit::year, 1}, "2026-12-31 23:59", "2026-01-01", "2027-01-01"},
    {{IntervalUnit::year, 2}, "2027-06-01", "2026-01-01", "2028-01-01"},
    {{IntervalUnit::year, 3}, "2026-06-01", "2025-01-01", "2028-01-01"},
    {{IntervalUnit::year, 10}, "2026-06-01", "2020-01-01", "2030-01-01"},
    {{IntervalUnit::year, 100}, "1999-12-31", "1900-01-01", "2000-01-01"},
};
// clang-format on

UtcTime instant(const std::string& text) {
  // PostgreSQL has no year 0, so its reader refuses the origin that months are counted from.
  if (text.starts_with("0000-01")) return std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
  if (text.starts_with("0000-06")) return std::chrono::sys_days{std::chrono::year{0} / 6 / 1};
  return at(text);
}

}  // namespace

TEST_CASE("an instant lies in the interval that the calendar says") {
  for (const CalendarCase& c : calendar_cases) {
    CAPTURE(c.interval.text());
    CAPTURE(c.at);
    const TimeRange found = interval_containing(c.interval, instant(c.at));
    CHECK(time_text(found.lower) == c.lower);
    CHECK(time_text(found.upper) == c.upper);
  }
}

TEST_CASE("intervals follow each other without gap or overlap and hold their own instants") {
  for (const CalendarCase& c : calendar_cases) {
    CAPTURE(c.interval.text());
    TimeRange current = interval_containing(c.interval, instant(c.at));
    for (int i = 0; i < 40; ++i) {
      const TimeRange next = interval_after(c.interval, current);
      CHECK(next.lower == current.upper);
      CHECK(next.upper > next.lower);
      CHECK(interval_containing(c.interval, next.lower) == next);
      CHECK(interval_containing(c.interval, next.upper - std::chrono::microseconds{1}) == next);
      current = next;
    }
  }
}

TEST_CASE("an interval that reaches past the calendar's ends is cut there, not wrapped around") {
  for (const auto unit : {IntervalUnit::hour, IntervalUnit::day, IntervalUnit::week,
                          IntervalUnit::month, IntervalUnit::quarter, IntervalUnit::year}) {
    const TimeRange found = interval_containing({unit, 2'000'000'000}, at("2026-11-23"));
    CHECK(found.contains(at("2026-11-23")));
    CHECK(time_text(found.upper) == "32767-01-01");
  }
}

TEST_CASE("a range is half-open") {
  const TimeRange november = range("2026-11-01", "2026-12-01");
  CHECK(november.contains(at("2026-11-01")));
  CHECK(november.contains(at("2026-11-30 23:59")));
  CHECK_FALSE(november.contains(at("2026-12-01")));
  CHECK_FALSE(november.empty());
  CHECK(range("2026-11-01", "2026-11-01").empty());
}

TEST_CASE("times are written as short as they can be") {
  CHECK(time_text(at("2026-11-01")) == "2026-11-01");
  CHECK(time_text(at("2026-11-01 06:00")) == "2026-11-01 06:00");
  CHECK(time_text(at("2026-11-01 06:00:07")) == "2026-11-01 06:00:07");
  CHECK(time_text(at("2026-11-01 00:00:07")) == "2026-11-01 00:00:07");
  CHECK(time_text(at("0987-01-02")) == "0987-01-02");
  CHECK(test::contains(range_text(range("2026-11-01", "2026-12-01")), "2026-11-01 to 2026-12-01"));
}
