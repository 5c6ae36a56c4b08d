// SPDX-License-Identifier: Apache-2.0
// Text forms, and what to say when one does not fit.
#include "config/value_text.hpp"

#include <fmt/format.h>

#include "config/duration.hpp"
#include "config/instant.hpp"
#include "config/nearest.hpp"
#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

bool mentions_month_or_year(std::string_view text) {
  return text.find("mon") != std::string_view::npos || text.find("year") != std::string_view::npos;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string read_value(std::string_view text, std::string& value) {
  if (text.find('\0') != std::string_view::npos) {
    return "has a NUL character, which PostgreSQL cannot take";
  }
  value = text;
  return "";
}

std::string read_value(std::string_view text, Duration& value) {
  if (const auto duration = parse_duration(text)) {
    value = *duration;
    return "";
  }
  if (is_number(text)) {
    return fmt::format("{} lacks a unit, write for example \"{}s\"", shown(text),
                       text.substr(0, 9));
  }
  if (mentions_month_or_year(text)) {
    return fmt::format("{} has no fixed length, say it in days, for example \"30 days\"",
                       shown(text));
  }
  return fmt::format(
      "{} is no duration up to 36525 days, write for example \"50ms\", \"30s\", \"6h\" or "
      "\"365 days\"",
      shown(text));
}

std::string read_value(std::string_view text, Interval& value) {
  if (const auto interval = parse_interval(text)) {
    value = *interval;
    return "";
  }
  return fmt::format(
      "{} is no interval, write hour, day, week, month, quarter or year, or 1 to 1000 of one, for "
      "example \"10 days\"",
      shown(text));
}

std::string read_value(std::string_view text, UtcTime& value) {
  if (const auto instant = parse_instant(text)) {
    value = *instant;
    return "";
  }
  return fmt::format(
      "{} is no time in UTC, write for example \"2015-01-01\" or \"2015-01-01T00:00:00Z\"",
      shown(text));
}

std::string read_value(std::string_view text, TableName& value) {
  if (auto name = parse_table_name(text)) {
    value = *std::move(name);
    return "";
  }
  if (parse_table_name("public." + std::string{text})) {
    return fmt::format("{} lacks a schema, write for example {}", shown(text),
                       shown("public." + std::string{text}));
  }
  return fmt::format(
      "{} is no name with a schema, write for example \"public.audit_events\", each part of at "
      "most "
      "63 bytes and in double quotes where SQL wants them",
      shown(text));
}

std::string none_of(std::string_view text, const std::vector<std::string>& words) {
  if (const auto word = nearest(text, words); word && !word->empty()) {
    return fmt::format("{} is none of its words, did you mean \"{}\"", shown(text), *word);
  }
  std::string list;
  for (const std::string& word : words) {
    list += list.empty() ? "" : ", ";
    list += word.empty() ? "\"\"" : word;
  }
  return fmt::format("{} is none of its words, which are {}", shown(text), list);
}

std::string write_value(const std::string& value) {
  return value;
}

std::string write_value(Duration value) {
  return duration_text(value);
}

std::string write_value(const Interval& value) {
  return value.text();
}

std::string write_value(UtcTime value) {
  return instant_text(value);
}

std::string write_value(const TableName& value) {
  return value == TableName{} ? "" : value.text();
}

}  // namespace pgcaretaker::config
