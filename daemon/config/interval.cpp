// SPDX-License-Identifier: Apache-2.0
// Reading and writing intervals.
#include "config/interval.hpp"

#include <array>
#include <charconv>

namespace pgcaretaker::config {

namespace {

struct NamedUnit {
  IntervalUnit unit;
  std::string_view word;
  std::chrono::hours shortest;
};

constexpr std::array<NamedUnit, 6> named_units{{
    {IntervalUnit::hour, "hour", std::chrono::hours{1}},
    {IntervalUnit::day, "day", std::chrono::days{1}},
    {IntervalUnit::week, "week", std::chrono::days{7}},
    {IntervalUnit::month, "month", std::chrono::days{28}},
    {IntervalUnit::quarter, "quarter", std::chrono::days{90}},
    {IntervalUnit::year, "year", std::chrono::days{365}},
}};

constexpr int largest_count = 1000;  // more of one unit is better said in a larger one

const NamedUnit& find_unit(IntervalUnit wanted) {
  for (const NamedUnit& unit : named_units) {
    if (unit.unit == wanted) return unit;
  }
  return named_units.front();
}

}  // namespace

std::optional<Interval> parse_interval(std::string_view text) {
  Interval interval;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), interval.count);
  if (error == std::errc{}) {
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with(' ') || interval.count < 1 || interval.count > largest_count) {
      return std::nullopt;
    }
    text.remove_prefix(1);
  }
  if (text.ends_with('s')) {
    text.remove_suffix(1);
  }
  for (const NamedUnit& unit : named_units) {
    if (unit.word == text) {
      interval.unit = unit.unit;
      return interval;
    }
  }
  return std::nullopt;
}

std::string Interval::text() const {
  return std::to_string(count) + ' ' + std::string{find_unit(unit).word} + (count == 1 ? "" : "s");
}

std::chrono::hours shortest_length(const Interval& interval) {
  return find_unit(interval.unit).shortest * interval.count;
}

}  // namespace pgcaretaker::config
