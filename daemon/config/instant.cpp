// SPDX-License-Identifier: Apache-2.0
// Reading and writing instants.
#include "config/instant.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcaretaker::config {

namespace {

using std::chrono::days;
using std::chrono::floor;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether `text` looks like `form`, in which 0 stands for any digit.
bool looks_like(std::string_view text, std::string_view form) {
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char wanted) { return wanted == '0' ? is_digit(c) : c == wanted; });
}

int number(std::string_view digits) {
  int value = 0;
  for (const char digit : digits) {
    value = value * 10 + (digit - '0');
  }
  return value;
}

}  // namespace

std::optional<UtcTime> parse_instant(std::string_view text) {
  std::string full{text};
  if (looks_like(text, "0000-00-00")) full += "T00:00:00Z";
  std::string fraction = "000000";
  if (const auto dot = full.find('.'); dot == 19 && full.ends_with('Z')) {
    const std::string given = full.substr(dot + 1, full.size() - dot - 2);
    if (given.empty() || given.size() > 6 || !std::ranges::all_of(given, is_digit)) {
      return std::nullopt;
    }
    fraction.replace(0, given.size(), given);
    full = full.substr(0, dot) + 'Z';
  }
  if (!looks_like(full, "0000-00-00T00:00:00Z")) return std::nullopt;
  const auto part = [&](std::size_t from, std::size_t size = 2) {
    return number(std::string_view{full}.substr(from, size));
  };
  const std::chrono::year_month_day date{std::chrono::year{part(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(part(5))},
                                         std::chrono::day{static_cast<unsigned>(part(8))}};
  if (!date.ok() || part(11) > 23 || part(14) > 59 || part(17) > 59) return std::nullopt;
  return UtcTime{std::chrono::sys_days{date}} + std::chrono::hours{part(11)} +
         std::chrono::minutes{part(14)} + std::chrono::seconds{part(17)} +
         std::chrono::microseconds{number(fraction)};
}

std::string instant_text(UtcTime instant) {
  const auto day = floor<days>(instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{instant - day};
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int{date.year()}, unsigned{date.month()},
                  unsigned{date.day()}, clock.hours().count(), clock.minutes().count(),
                  clock.seconds().count());
  if (clock.subseconds().count() != 0) {
    text += fmt::format(".{:06}", clock.subseconds().count());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + 'Z';
}

}  // namespace pgcaretaker::config
