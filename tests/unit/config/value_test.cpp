// SPDX-License-Identifier: Apache-2.0
// Durations, intervals and names: text to value and back.
#include <doctest/doctest.h>

#include "config/duration.hpp"
#include "config/interval.hpp"
#include "config/table_name.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::config;
using namespace std::chrono_literals;

TEST_CASE("a duration is one or more counts with units, largest first") {
  struct Row {
    std::string text;
    Duration expected;
  };
  for (const Row& row : {
           Row{"50ms", 50ms},
           Row{"0s", 0s},
           Row{"30s", 30s},
           Row{"10m", 10min},
           Row{"6h", 6h},
           Row{"365 days", 8760h},
           Row{"1 day", 24h},
           Row{"2w", 336h},
           Row{"2 weeks", 336h},
           Row{"1m 30s", 90s},
           Row{"1m30s", 90s},
           Row{"1d 2h 3m 4s 5ms", 93784005ms},
           Row{"1 hour 1 minute 1 second 1 millisecond", 3661001ms},
           Row{" 5 min ", 5min},
           Row{"90s", 90s},
           Row{"36525 days", longest_duration},
       }) {
    CAPTURE(row.text);
    CHECK(parse_duration(row.text) == row.expected);
  }
}

TEST_CASE("what is no duration is refused") {
  for (const std::string text : {"",
                                 " ",
                                 "5",
                                 "s",
                                 "-5s",
                                 "+5s",
                                 "1.5h",
                                 "5 S",
                                 "5x",
                                 "5s5",
                                 "30s 1m",
                                 "1s 1s",
                                 "1s,2ms",
                                 "36526 days",
                                 "36525 days 1ms",
                                 "9223372036854775807w",
                                 "99999999999999999999s",
                                 "1 month",
                                 "1y",
                                 "5 s econds",
                                 "\xC2\xB5s",
                                 "5\n s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("a duration is written as the shortest text that is read back") {
  struct Row {
    Duration duration;
    std::string expected;
  };
  for (const Row& row : {
           Row{0ms, "0s"},
           Row{50ms, "50ms"},
           Row{90s, "1m 30s"},
           Row{1500ms, "1s 500ms"},
           Row{6h, "6h"},
           Row{24h * 7, "7d"},
           Row{24h * 365, "365d"},
           Row{36h, "1d 12h"},
           Row{93784005ms, "1d 2h 3m 4s 5ms"},
           Row{longest_duration, "36525d"},
       }) {
    CHECK(duration_text(row.duration) == row.expected);
    CHECK(parse_duration(row.expected) == row.duration);
  }
  CHECK(duration_text(-90s) == "-1m 30s");
}

TEST_CASE("an interval is a calendar unit or a count of one") {
  struct Row {
    std::string text;
    Interval expected;
    std::string written;
  };
  for (const Row& row : {
           Row{"hour", {IntervalUnit::hour, 1}, "1 hour"},
           Row{"1 day", {IntervalUnit::day, 1}, "1 day"},
           Row{"10 days", {IntervalUnit::day, 10}, "10 days"},
           Row{"2 weeks", {IntervalUnit::week, 2}, "2 weeks"},
           Row{"months", {IntervalUnit::month, 1}, "1 month"},
           Row{"quarter", {IntervalUnit::quarter, 1}, "1 quarter"},
           Row{"1000 years", {IntervalUnit::year, 1000}, "1000 years"},
       }) {
    CAPTURE(row.text);
    CHECK(parse_interval(row.text) == row.expected);
    CHECK(row.expected.text() == row.written);
    CHECK(parse_interval(row.written) == row.expected);
  }
}

TEST_CASE("what is no interval is refused") {
  for (const std::string text :
       {"", "1", "s", "0 days", "-1 day", "1001 days", "1month", "1  month", "monthly",
        "90 minutes", "Month", "1 month ", "99999999999 days", "1.5 days", "dayss"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_interval(text));
  }
}

TEST_CASE("the shortest length of an interval is that of its shortest months") {
  CHECK(shortest_length({IntervalUnit::hour, 6}) == 6h);
  CHECK(shortest_length({IntervalUnit::week, 1}) == 168h);
  CHECK(shortest_length({IntervalUnit::month, 1}) == 24h * 28);
  CHECK(shortest_length({IntervalUnit::quarter, 1}) == 24h * 90);
  CHECK(shortest_length({IntervalUnit::year, 2}) == 24h * 730);
}

TEST_CASE("a table name has a schema and folds as in SQL") {
  struct Row {
    std::string written;
    TableName expected;
    std::string text;
  };
  for (const Row& row : {
           Row{"public.audit_events", {"public", "audit_events"}, "public.audit_events"},
           Row{"Public.AUDIT", {"public", "audit"}, "public.audit"},
           Row{"public.\"Odd Name\"", {"public", "Odd Name"}, "public.\"Odd Name\""},
           Row{"\"a.b\".\"c\"\"d\"", {"a.b", "c\"d"}, "\"a.b\".\"c\"\"d\""},
           Row{"\"plain\".name", {"plain", "name"}, "plain.name"},
           Row{"a.b$1", {"a", "b$1"}, "a.b$1"},
           Row{"s.\"1st\"", {"s", "1st"}, "s.\"1st\""},
           Row{"s.na\xC3\xAFve", {"s", "na\xC3\xAFve"}, "s.na\xC3\xAFve"},
       }) {
    CAPTURE(row.written);
    CHECK(parse_table_name(row.written) == row.expected);
    CHECK(row.expected.text() == row.text);
    CHECK(parse_table_name(row.text) == row.expected);
  }
}

TEST_CASE("what is no schema-qualified name is refused") {
  const std::string longest(63, 'x');
  CHECK(parse_table_name("s." + longest));
  for (const std::string& text :
       {std::string{}, std::string{"audit"}, std::string{"a.b.c"}, std::string{".b"},
        std::string{"a."}, std::string{"a. b"}, std::string{"a.b-c"}, std::string{"a.1b"},
        std::string{"a.\"\""}, std::string{"a.\"b"}, std::string{"a.\"b\"c"}, std::string{"a.b "},
        std::string{"a..b"}, "s." + longest + "x", std::string{"a.\"b\0\"", 6}}) {
    CAPTURE(text);
    CHECK_FALSE(parse_table_name(text));
  }
}

TEST_CASE("names go into statements quoted, whatever they hold") {
  CHECK(quote_identifier("a\"b") == "\"a\"\"b\"");
  CHECK(TableName{"public", "x\"; DROP TABLE y; --"}.sql() ==
        "\"public\".\"x\"\"; DROP TABLE y; --\"");
}
