// SPDX-License-Identifier: Apache-2.0
// Log lines are an interface: their exact text.
#include "telemetry/line.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace pgcaretaker;
using namespace pgcaretaker::telemetry;
using config::LogFormat;
using config::LogLevel;

namespace {

const UtcTime when = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} +
                     std::chrono::hours{14} + std::chrono::milliseconds{7};

std::string line(LogFormat format, std::string_view message, const Fields& fields) {
  return format_line(format, LogLevel::info, when, message, fields);
}

}  // namespace

TEST_CASE("text lines have time, level, message and fields") {
  CHECK(line(LogFormat::text, "partition created", {{"task", "partition:public.a"}}) ==
        "2026-11-23 14:00:00.007 info  partition created task=partition:public.a");
}

TEST_CASE("values that are not one plain word are quoted") {
  CHECK(line(LogFormat::text, "m", {{"a", "two words"}, {"b", ""}, {"c", "say \"x\""}}) ==
        R"(2026-11-23 14:00:00.007 info  m a="two words" b="" c="say \"x\"")");
}

TEST_CASE("one call is one line, whatever is in it") {
  for (const auto format : {LogFormat::text, LogFormat::json, LogFormat::journal}) {
    const auto text = line(format, "a\nb\r", {{"k", "c\nd\x1b[31m"}});
    CHECK(text.find_first_of("\n\r\x1b") == std::string::npos);
  }
}

TEST_CASE("journal lines carry the priority and leave the time to the journal") {
  CHECK(line(LogFormat::journal, "m", {{"a", "1"}}) == "<6>m a=1");
  CHECK(format_line(LogFormat::journal, LogLevel::error, when, "m", {}) == "<3>m");
  CHECK(format_line(LogFormat::journal, LogLevel::warn, when, "m", {}) == "<4>m");
  CHECK(format_line(LogFormat::journal, LogLevel::debug, when, "m", {}) == "<7>m");
}

TEST_CASE("json lines are one object that a parser reads back, even from broken UTF-8") {
  const auto json = nlohmann::json::parse(line(LogFormat::json, "m\"\xff", {{"task", "a\\b"}}));
  CHECK(json["time"] == "2026-11-23T14:00:00.007Z");
  CHECK(json["level"] == "info");
  CHECK(json["task"] == "a\\b");
}

TEST_CASE("a number is a number in json and looks the same elsewhere; text stays text") {
  const Fields fields{{"rows", 1500}, {"tasks", std::size_t{3}}, {"sqlstate", "42501"}};
  const auto json = nlohmann::json::parse(line(LogFormat::json, "m", fields));
  CHECK(json["rows"] == 1500);
  CHECK(json["rows"].is_number_integer());
  CHECK(json["tasks"] == 3);
  CHECK(json["sqlstate"] == "42501");
  CHECK(line(LogFormat::journal, "m", fields) == "<6>m rows=1500 tasks=3 sqlstate=42501");
  CHECK(line(LogFormat::text, "m", fields) ==
        "2026-11-23 14:00:00.007 info  m rows=1500 tasks=3 sqlstate=42501");
}

TEST_CASE("auto is text on a terminal, journal under systemd, else json") {
  CHECK(resolve_format(LogFormat::automatic, true, "8:1", "8:1") == LogFormat::text);
  CHECK(resolve_format(LogFormat::automatic, false, "8:1", "8:1") == LogFormat::journal);
  CHECK(resolve_format(LogFormat::automatic, false, "8:1", "8:2") == LogFormat::json);
  CHECK(resolve_format(LogFormat::automatic, false, "", "") == LogFormat::json);
  CHECK(resolve_format(LogFormat::text, false, "8:1", "8:1") == LogFormat::text);
}
