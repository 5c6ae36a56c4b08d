// SPDX-License-Identifier: Apache-2.0
// Dates and times, uuids of version 7, and numbers that count time.
#include "partition/key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

namespace {

using std::chrono::milliseconds;

// The calendar ends here, see interval_containing().
constexpr UtcTime calendar_end = std::chrono::sys_days{std::chrono::year{32767} / 1 / 1};
constexpr Position before_all{UtcTime::min(), UtcTime::min(), false};
constexpr Position after_all{UtcTime::max(), UtcTime::max(), false};
constexpr std::int64_t last_uuid_millisecond = (std::int64_t{1} << 48) - 1;
constexpr std::size_t uuid_size = 36;
constexpr std::size_t uuid_time_size = 13;  // xxxxxxxx-xxxx

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::int64_t largest_number(const Key& key) {
  return key.type == KeyType::integer ? std::numeric_limits<std::int32_t>::max()
                                      : std::numeric_limits<std::int64_t>::max();
}

/// What the largest number counts, cut at the end of the calendar.
std::int64_t most_ticks(const Key& key) {
  return std::min(largest_number(key) >> key.shift, (calendar_end - key.epoch) / key.tick);
}

std::optional<Position> position_of_time(std::string_view value) {
  if (value == "infinity") return after_all;
  if (value == "-infinity" || value.ends_with(" BC")) return before_all;
  if (const auto time = pg::parse_timestamp(value)) return Position{*time, *time};
  // PostgreSQL's years go on where std::chrono's end.
  const auto year_digits = std::find_if_not(value.begin(), value.end(), is_digit) - value.begin();
  if (year_digits > 4) return after_all;
  return std::nullopt;
}

std::optional<Position> position_of_uuid(const Key& key, std::string_view value) {
  if (value.size() != uuid_size || value[8] != '-' || value[uuid_time_size] != '-') {
    return std::nullopt;
  }
  const std::string digits{fmt::format("{}{}", value.substr(0, 8), value.substr(9, 4))};
  std::int64_t count = 0;
  const auto* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, count, 16);
  if (error != std::errc{} || end != last) return std::nullopt;
  const UtcTime time{milliseconds{count}};
  // Digits and small letters sort as the bytes that they stand for.
  const int order = value.substr(uuid_time_size + 1).compare(key.uuid_tail);
  return Position{order < 0 ? time - milliseconds{1} : time,
                  order > 0 ? time + milliseconds{1} : time};
}

std::optional<Position> position_of_number(const Key& key, std::string_view value) {
  std::int64_t number = 0;
  const auto* last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, number);
  if (error != std::errc{} || end != last || value.empty()) return std::nullopt;
  if (number < 0) return Position{UtcTime::min(), key.epoch};
  const std::int64_t ticks = number >> key.shift;
  if (ticks >= (calendar_end - key.epoch) / key.tick) return after_all;
  const UtcTime time = key.epoch + ticks * key.tick;
  return Position{time, (ticks << key.shift) == number ? time : time + key.tick};
}

std::string uuid_text(const Key& key, UtcTime time) {
  const auto count = std::chrono::floor<milliseconds>(time).time_since_epoch().count();
  const std::string digits = fmt::format("{:012x}", count);
  return fmt::format("{}-{}-{}", digits.substr(0, 8), digits.substr(8), key.uuid_tail);
}

}  // namespace

std::optional<KeyType> key_type(std::string_view type_name) {
  if (type_name == "date") return KeyType::date;
  if (type_name == "timestamp without time zone") return KeyType::timestamp;
  if (type_name == "timestamp with time zone") return KeyType::timestamptz;
  if (type_name == "uuid") return KeyType::uuid;
  if (type_name == "bigint") return KeyType::bigint;
  if (type_name == "integer") return KeyType::integer;
  return std::nullopt;
}

bool counts(const Key& key) {
  return key.type == KeyType::bigint || key.type == KeyType::integer;
}

std::string_view sql_type(const Key& key) {
  switch (key.type) {
    case KeyType::date:
      return "date";
    case KeyType::timestamp:
      return "timestamp";
    case KeyType::uuid:
      return "uuid";
    case KeyType::bigint:
      return "bigint";
    case KeyType::integer:
      return "integer";
    case KeyType::timestamptz:
      break;
  }
  return "timestamptz";
}

TimeRange span_of(const Key& key) {
  if (key.type == KeyType::uuid) {
    return {UtcTime{}, UtcTime{milliseconds{last_uuid_millisecond}}};
  }
  if (!counts(key)) return {UtcTime::min(), UtcTime::max()};
  const UtcTime last = key.epoch + most_ticks(key) * key.tick;
  return {key.epoch, last};
}

std::string bound_literal(const Key& key, UtcTime time) {
  if (key.type == KeyType::uuid) return uuid_text(key, time);
  if (counts(key)) {
    const std::int64_t ticks = (time - key.epoch) / key.tick;
    return std::to_string(std::clamp<std::int64_t>(ticks, 0, most_ticks(key)) << key.shift);
  }
  std::string text = pg::format_timestamp(time);
  if (key.type == KeyType::date) {
    text.resize(text.find(' '));
  } else if (key.type == KeyType::timestamp) {
    text.resize(text.rfind('+'));
  }
  return text;
}

std::optional<Position> position_of(const Key& key, std::string_view value) {
  if (key.type == KeyType::uuid) return position_of_uuid(key, value);
  return counts(key) ? position_of_number(key, value) : position_of_time(value);
}

}  // namespace pgcaretaker::partition
