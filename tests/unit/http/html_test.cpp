// SPDX-License-Identifier: Apache-2.0
// Escapes, and how times, counts and sizes read.
#include "http/html.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "board.hpp"

namespace pgcaretaker::http {

using namespace std::chrono_literals;

TEST_CASE("markup is escaped, other text is left alone") {
  CHECK(escape_html(R"(<a href="x" on='y'>&amp;)") ==
        "&lt;a href=&quot;x&quot; on=&#39;y&#39;&gt;&amp;amp;");
  CHECK(escape_html("Straße → 表") == "Straße → 表");
  CHECK(escape_html("").empty());
}

TEST_CASE("bytes that are not UTF-8 cannot hide markup") {
  CHECK(escape_html("\xFF<b") == "\xEF\xBF\xBD&lt;b");
  CHECK(escape_html("\xC3<b>") == "\xEF\xBF\xBD&lt;b&gt;");
  CHECK(escape_html("\xE8\xA1") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(escape_html("\xC0\xBC") == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("durations have two units at most") {
  const auto check = [](Duration duration, const char* text) {
    CHECK(human_duration(duration) == text);
  };
  check(0ms, "0 ms");
  check(999ms, "999 ms");
  check(1s, "1 s");
  check(1500ms, "1.5 s");
  check(9999ms, "10.0 s");
  check(59999ms, "59 s");
  check(1min, "1 min");
  check(200s, "3 min 20 s");
  check(1h, "1 h");
  check(5h + 12min + 59s, "5 h 12 min");
  check(24h, "1 d");
  check(292h, "12 d 4 h");
}

TEST_CASE("seconds that make no sense still read as something") {
  CHECK(human_seconds(-5) == "0 ms");
  CHECK(human_seconds(std::nan("")) == "0 ms");
  CHECK(human_seconds(std::numeric_limits<double>::infinity()) == "0 ms");
  CHECK(human_seconds(1e300) == human_seconds(3.2e10));
  CHECK(human_seconds(90) == "1 min 30 s");
}

TEST_CASE("instants are told from now") {
  const auto now = test::noon_of_the_tests();
  CHECK(human_relative(now, now) == "now");
  CHECK(human_relative(now + 999ms, now) == "now");
  CHECK(human_relative(now + 5min, now) == "in 5 min");
  CHECK(human_relative(now - 182min, now) == "3 h 2 min ago");
  CHECK(time_element(now - 1h, now) ==
        R"(<time datetime="2026-11-23T13:25:00Z" title="2026-11-23T13:25:00Z">1 h ago</time>)");
}

TEST_CASE("counts are exact with separators, or estimates of three digits") {
  CHECK(human_count(0, false) == "0");
  CHECK(human_count(999, false) == "999");
  CHECK(human_count(1000, false) == "1,000");
  CHECK(human_count(1234567, false) == "1,234,567");
  CHECK(human_count(-123456, false) == "-123,456");
  CHECK(human_count(0, true) == "~0");
  CHECK(human_count(-1, true) == "~0");
  CHECK(human_count(42, true) == "~42");
  CHECK(human_count(10482113, true) == "~10.5 M");
  CHECK(human_count(1234567, true) == "~1.23 M");
  CHECK(human_count(123456, true) == "~123 k");
}

TEST_CASE("sizes are binary") {
  CHECK(human_bytes(640) == "640 B");
  CHECK(human_bytes(8192) == "8.00 KiB");
  CHECK(human_bytes(12.3 * 1024 * 1024) == "12.3 MiB");
}

TEST_CASE("ISO instants are read, anything else is nothing") {
  CHECK(parse_iso8601("2026-11-23T14:25:00Z") == test::noon_of_the_tests());
  CHECK(parse_iso8601("2026-11-23T14:25:00.000001Z") == test::noon_of_the_tests() + 1us);
  for (const auto* text : {"", "Z", "2026-11-23", "2026-11-23Z", "2026-11-23 14:25:00Z",
                           "2026-11-23T14:25:00", "infinity", "MINVALUE", "2026-13-40T00:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_iso8601(text));
  }
}

TEST_CASE("details are read without trust in their types") {
  const auto json = Json::parse(R"({"n": 3, "t": "x", "b": true, "z": null, "a": [1]})");
  CHECK(number_of(json, "n") == 3.0);
  CHECK_FALSE(number_of(json, "t"));
  CHECK_FALSE(number_of(json, "absent"));
  CHECK(text_of(json, "t") == "x");
  CHECK(text_of(json, "n").empty());
  CHECK(flag_of(json, "b"));
  CHECK_FALSE(flag_of(json, "n"));
  CHECK(member(json, "z").is_null());
  CHECK(member(Json::array(), "n").is_null());
  CHECK(member(Json{}, "n").is_null());
  CHECK(member(Json("text"), "n").is_null());
}

}  // namespace pgcaretaker::http
