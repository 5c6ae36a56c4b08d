// SPDX-License-Identifier: Apache-2.0
// Reading and writing durations.
#include "config/duration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace pgcaretaker::config {

namespace {

using std::chrono::milliseconds;

struct Unit {
  std::array<std::string_view, 5> words;  // the first is the one we write
  milliseconds length;
};

constexpr std::array<Unit, 6> units{{
    {{"w", "week", "weeks", "", ""}, std::chrono::weeks{1}},
    {{"d", "day", "days", "", ""}, std::chrono::days{1}},
    {{"h", "hour", "hours", "", ""}, std::chrono::hours{1}},
    {{"m", "min", "minute", "minutes", ""}, std::chrono::minutes{1}},
    {{"s", "sec", "second", "seconds", ""}, std::chrono::seconds{1}},
    {{"ms", "millisecond", "milliseconds", "", ""}, milliseconds{1}},
}};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

const Unit* take_unit(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_letter);
  const auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(word.size());
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& candidate) {
    return !word.empty() &&
           std::find(candidate.words.begin(), candidate.words.end(), word) != candidate.words.end();
  });
  return unit == units.end() ? nullptr : &*unit;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  Duration sum{0};
  milliseconds previous = milliseconds::max();
  skip_blanks(text);
  do {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || count < 0) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    skip_blanks(text);
    const Unit* unit = take_unit(text);
    if (unit == nullptr || unit->length >= previous ||
        count > (longest_duration - sum) / unit->length) {
      return std::nullopt;
    }
    sum += count * unit->length;
    previous = unit->length;
    skip_blanks(text);
  } while (!text.empty());
  return sum;
}

std::string duration_text(Duration duration) {
  if (duration == Duration::zero()) {
    return "0s";
  }
  std::string text = duration < Duration::zero() ? "-" : "";
  const char* gap = "";
  for (const Unit& unit : units) {
    const auto count = duration / unit.length;
    duration -= count * unit.length;
    // Weeks are read but not written: 365 days are easier to recognise than 52 weeks and a day.
    if (unit.length == std::chrono::weeks{1}) {
      duration += count * unit.length;
    } else if (count != 0) {
      text += gap + std::to_string(std::abs(count)) + std::string{unit.words.front()};
      gap = " ";
    }
  }
  return text;
}

}  // namespace pgcaretaker::config
