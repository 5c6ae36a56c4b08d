// SPDX-License-Identifier: Apache-2.0
// Instants: text to value and back.
#include "config/instant.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace pgcaretaker::config;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime day = std::chrono::sys_days{std::chrono::year{2010} / 11 / 4};

}  // namespace

TEST_CASE("an instant is a date, or date and time in UTC, with or without a fraction") {
  struct Row {
    const char* text;
    UtcTime expected;
    const char* written;
  };
  for (const Row& row : {
           Row{"1970-01-01", UtcTime{}, "1970-01-01T00:00:00Z"},
           Row{"2010-11-04", day, "2010-11-04T00:00:00Z"},
           Row{"2010-11-04T01:42:54Z", day + 1h + 42min + 54s, "2010-11-04T01:42:54Z"},
           Row{"2010-11-04T01:42:54.657Z", day + 1h + 42min + 54s + 657ms,
               "2010-11-04T01:42:54.657Z"},
           Row{"2010-11-04T23:59:59.999999Z", day + 24h - 1us, "2010-11-04T23:59:59.999999Z"},
           Row{"2010-11-04T00:00:00.5Z", day + 500ms, "2010-11-04T00:00:00.5Z"},
       }) {
    CAPTURE(row.text);
    CHECK(parse_instant(row.text) == row.expected);
    CHECK(instant_text(row.expected) == row.written);
    CHECK(parse_instant(row.written) == row.expected);
  }
}

TEST_CASE("what is no instant in UTC is refused") {
  for (const char* text :
       {"", "2010", "2010-11", "2010-11-04T", "2010-11-04T01:42:54", "2010-11-04 01:42:54Z",
        "2010-11-04T01:42:54+00:00", "2010-11-04T24:00:00Z", "2010-11-04T00:60:00Z",
        "2010-11-04T00:00:60Z", "2010-02-29", "2010-13-01", "2010-00-01", "2010-11-04T01:42Z",
        "2010-11-04T01:42:54.Z", "2010-11-04T01:42:54.1234567Z", "2010-11-04T01:42:54.x7Z",
        "10-11-04", "1288834974657"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_instant(text).has_value());
  }
}
