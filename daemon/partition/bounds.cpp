// SPDX-License-Identifier: Apache-2.0
// A small reader for the one form of bounds that time partitions have.
#include "partition/bounds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

namespace {

struct End {
  UtcTime time;
  bool finite;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<End> parse_quoted(std::string_view text) {
  if (text == "infinity") return End{UtcTime::max(), false};
  if (text == "-infinity" || text.ends_with(" BC")) return End{UtcTime::min(), false};
  if (const auto time = pg::parse_timestamp(text)) return End{*time, true};
  // PostgreSQL's years go on where std::chrono's end.
  const auto year_digits = std::find_if_not(text.begin(), text.end(), is_digit) - text.begin();
  if (year_digits > 4) return End{UtcTime::max(), false};
  return std::nullopt;
}

/// Takes `('...')`, `(MINVALUE)` or `(MAXVALUE)` off the front of `text`.
std::optional<End> take_end(std::string_view& text) {
  const auto close = text.find(')');
  if (!text.starts_with('(') || close == std::string_view::npos) return std::nullopt;
  const std::string_view inner = text.substr(1, close - 1);
  text.remove_prefix(close + 1);
  if (inner == "MINVALUE") return End{UtcTime::min(), false};
  if (inner == "MAXVALUE") return End{UtcTime::max(), false};
  // A second column's value or a doubled quote leaves a quote inside, which no time has.
  if (inner.size() < 2 || inner.front() != '\'' || inner.back() != '\'') return std::nullopt;
  return parse_quoted(inner.substr(1, inner.size() - 2));
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

std::optional<KeyType> key_type(std::string_view type_name) {
  if (type_name == "date") return KeyType::date;
  if (type_name == "timestamp without time zone") return KeyType::timestamp;
  if (type_name == "timestamp with time zone") return KeyType::timestamptz;
  return std::nullopt;
}

std::string_view sql_type(KeyType key) {
  switch (key) {
    case KeyType::date:
      return "date";
    case KeyType::timestamp:
      return "timestamp";
    case KeyType::timestamptz:
      break;
  }
  return "timestamptz";
}

Bounds parse_bounds(std::string_view text) {
  if (text == "DEFAULT") return {BoundsForm::default_partition, {}};
  if (!take(text, "FOR VALUES FROM ")) return {};
  const auto lower = take_end(text);
  if (!lower || !take(text, " TO ")) return {};
  const auto upper = take_end(text);
  if (!upper || !text.empty()) return {};
  const TimeRange range{lower->time, upper->time};
  return {lower->finite && upper->finite ? BoundsForm::range : BoundsForm::unbounded, range};
}

std::string bound_literal(KeyType key, UtcTime time) {
  std::string text = pg::format_timestamp(time);
  if (key == KeyType::date) {
    text.resize(text.find(' '));
  } else if (key == KeyType::timestamp) {
    text.resize(text.rfind('+'));
  }
  return text;
}

std::string bounds_clause(KeyType key, const TimeRange& range) {
  return fmt::format("FOR VALUES FROM ('{}') TO ('{}')", bound_literal(key, range.lower),
                     bound_literal(key, range.upper));
}

}  // namespace pgcaretaker::partition
