// SPDX-License-Identifier: Apache-2.0
// Timestamps: a table of what PostgreSQL writes and what it means.
#include "postgres/timestamp.hpp"

#include <doctest/doctest.h>

#include <array>

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

UtcTime at(sys_days date, std::chrono::microseconds time = 0us) {
  return UtcTime{date} + time;
}

}  // namespace

TEST_CASE("every form that a session with TimeZone UTC and DateStyle ISO writes is read") {
  struct Form {
    const char* text;
    UtcTime time;
  };
  const std::array<Form, 20> forms{{
      {"2026-11-01", at(2026y / 11 / 1)},
      {"2026-11-01 00:00:00", at(2026y / 11 / 1)},
      {"2026-11-01 00:00:00+00", at(2026y / 11 / 1)},
      {"2026-11-01 23:59:59.999999+00", at(2026y / 11 / 2, -1us)},
      {"2026-11-01 00:00:00.1", at(2026y / 11 / 1, 100ms)},
      {"2026-11-01 00:00:00.000001+00", at(2026y / 11 / 1, 1us)},
      {"2026-11-01 00:00:00.0500+00", at(2026y / 11 / 1, 50ms)},
      {"2026-11-01 05:45:00+05:45", at(2026y / 11 / 1)},
      {"2026-11-01 00:00:00+05:45", at(2026y / 10 / 31, 18h + 15min)},
      {"2026-11-01 00:00:00-03:30", at(2026y / 11 / 1, 3h + 30min)},
      {"2026-11-01 12:45:00+12:45", at(2026y / 11 / 1)},
      {"2026-11-01 00:00:00-12", at(2026y / 11 / 1, 12h)},
      {"1883-11-18 00:00:00+00:01:15", at(1883y / 11 / 17, 23h + 58min + 45s)},
      {"2024-02-29", at(2024y / 2 / 29)},
      {"2000-02-29 01:02:03+00", at(2000y / 2 / 29, 1h + 2min + 3s)},
      {"1970-01-01 00:00:00+00", UtcTime{}},
      {"1969-12-31 23:59:59.5+00", at(1970y / 1 / 1, -500ms)},
      {"0001-01-01", at(1y / 1 / 1)},
      {"9999-12-31 23:59:59+00", at(9999y / 12 / 31, 24h - 1s)},
      {"10000-01-01 00:00:00+00", at(std::chrono::year{10000} / 1 / 1)},
  }};
  for (const Form& form : forms) {
    CAPTURE(form.text);
    CHECK(pg::parse_timestamp(form.text) == form.time);
  }
}

TEST_CASE("everything else is not a timestamp") {
  static constexpr std::array<const char*, 34> others{"",
                                                      "infinity",
                                                      "-infinity",
                                                      "now",
                                                      "0044-03-15 BC",
                                                      "0044-03-15 00:00:00+00 BC",
                                                      "2026-11-01 ",
                                                      " 2026-11-01",
                                                      "2026-11-01T00:00:00",
                                                      "2026-11-01 00:00",
                                                      "2026-11-01 00:00:00Z",
                                                      "2026-11-01 00:00:00 UTC",
                                                      "2026-11-01 00:00:00+",
                                                      "2026-11-01 00:00:00+0",
                                                      "2026-11-01 00:00:00+24",
                                                      "2026-11-01 00:00:00+00:",
                                                      "2026-11-01 00:00:00+00:60",
                                                      "2026-11-01 00:00:00+00:00:00:00",
                                                      "2026-11-01 00:00:00.",
                                                      "2026-11-01 00:00:00.1234567",
                                                      "2026-11-01 24:00:00",
                                                      "2026-11-01 00:60:00",
                                                      "2026-11-01 00:00:60",
                                                      "2023-02-29",
                                                      "1900-02-29",
                                                      "2026-13-01",
                                                      "2026-00-01",
                                                      "2026-11-00",
                                                      "2026-11-31",
                                                      "0000-01-01",
                                                      "40000-01-01",
                                                      "26-11-01",
                                                      "2026-1-1",
                                                      "01.11.2026"};
  for (const char* const text : others) {
    CAPTURE(text);
    CHECK_FALSE(pg::parse_timestamp(text).has_value());
  }
}

TEST_CASE("times are written as PostgreSQL writes them") {
  CHECK(pg::format_timestamp(at(2026y / 11 / 1)) == "2026-11-01 00:00:00+00");
  CHECK(pg::format_timestamp(at(2024y / 2 / 29, 1h + 2min + 3s)) == "2024-02-29 01:02:03+00");
  CHECK(pg::format_timestamp(at(2026y / 11 / 1, 500ms)) == "2026-11-01 00:00:00.5+00");
  CHECK(pg::format_timestamp(at(2026y / 11 / 1, 1us)) == "2026-11-01 00:00:00.000001+00");
  CHECK(pg::format_timestamp(at(2026y / 11 / 1, -1us)) == "2026-10-31 23:59:59.999999+00");
  CHECK(pg::format_timestamp(at(std::chrono::year{10000} / 1 / 1)) == "10000-01-01 00:00:00+00");
  CHECK(pg::format_timestamp(at(std::chrono::year{0} / 12 / 31)) == "0001-12-31 00:00:00+00 BC");
  CHECK(pg::format_timestamp(at(std::chrono::year{-43} / 3 / 15)) == "0044-03-15 00:00:00+00 BC");
}

TEST_CASE("times for people and JSON are ISO 8601 with a Z") {
  CHECK(pg::format_iso8601(at(2026y / 11 / 1)) == "2026-11-01T00:00:00Z");
  CHECK(pg::format_iso8601(at(2026y / 11 / 1, 23h + 250ms)) == "2026-11-01T23:00:00.25Z");
}

TEST_CASE("a written time reads back as itself, across centuries") {
  for (UtcTime time = at(1y / 1 / 1); time < at(12000y / 1 / 1); time += 9973h + 1234567us) {
    if (pg::parse_timestamp(pg::format_timestamp(time)) != time) {
      FAIL(pg::format_timestamp(time));
    }
  }
}

}  // namespace pgcaretaker
