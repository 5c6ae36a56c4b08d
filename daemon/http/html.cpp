// SPDX-License-Identifier: Apache-2.0
// Text for the page: escaped, and times, counts and sizes as a person reads them.
#include "http/html.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "postgres/timestamp.hpp"

namespace pgcaretaker::http {
namespace {

using namespace std::chrono_literals;

/// Length of the UTF-8 character that `text` starts with; 0 when it starts with none.
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  return length;
}

std::string_view entity(char letter) {
  switch (letter) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

std::string two_units(long long count, long long per_unit, std::string_view unit,
                      std::string_view smaller) {
  const auto rest = count % per_unit;
  return rest == 0 ? fmt::format("{} {}", count / per_unit, unit)
                   : fmt::format("{} {} {} {}", count / per_unit, unit, rest, smaller);
}

std::string scaled(double value, double step, const std::array<const char*, 5>& units) {
  std::size_t unit = 0;
  while (std::abs(value) >= step && unit + 1 < units.size()) {
    value /= step;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}{}", value, decimals, units[unit]);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const auto length = utf8_length(text);
    const auto replacement = entity(text.front());
    if (length == 0) {
      escaped += "\xEF\xBF\xBD";
    } else if (!replacement.empty()) {
      escaped += replacement;
    } else {
      escaped += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return escaped;
}

std::string human_duration(Duration duration) {
  if (duration < 1s) {
    return fmt::format("{} ms", duration.count());
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (duration < 10s) {
    return duration % 1s == 0s
               ? fmt::format("{} s", seconds)
               : fmt::format("{:.1f} s", static_cast<double>(duration.count()) / 1e3);
  }
  if (duration < 1min) {
    return fmt::format("{} s", seconds);
  }
  if (duration < 1h) {
    return two_units(seconds, 60, "min", "s");
  }
  if (duration < 24h) {
    return two_units(seconds / 60, 60, "h", "min");
  }
  return two_units(seconds / 3600, 24, "d", "h");
}

std::string human_seconds(double seconds) {
  // Beyond a thousand years only the order of magnitude says anything, and the cast stays defined.
  const double bounded = std::isfinite(seconds) ? std::min(std::max(seconds, 0.0), 3.2e10) : 0.0;
  return human_duration(Duration{static_cast<long long>(bounded * 1000)});
}

std::string human_relative(UtcTime time, UtcTime now) {
  const auto away = std::chrono::duration_cast<Duration>(time - now);
  if (away > -1s && away < 1s) {
    return "now";
  }
  return away > 0s ? "in " + human_duration(away) : human_duration(-away) + " ago";
}

std::string human_count(double count, bool is_estimate) {
  if (is_estimate) {
    return count <= 0 ? "~0" : "~" + scaled(count, 1000, {"", " k", " M", " G", " T"});
  }
  auto digits = fmt::format("{:.0f}", count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (count < 0 ? 1 : 0);
       at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string human_bytes(double bytes) {
  return scaled(bytes, 1024, {" B", " KiB", " MiB", " GiB", " TiB"});
}

std::string time_element(UtcTime time, UtcTime now) {
  const auto instant = pg::format_iso8601(time);
  return fmt::format(R"(<time datetime="{0}" title="{0}">{1}</time>)", instant,
                     human_relative(time, now));
}

std::optional<UtcTime> parse_iso8601(std::string_view text) {
  constexpr std::size_t date_length = 10;
  if (!text.ends_with('Z') || text.size() <= date_length || text[date_length] != 'T') {
    return std::nullopt;
  }
  std::string spaced{text.substr(0, text.size() - 1)};
  spaced[date_length] = ' ';
  return pg::parse_timestamp(spaced);
}

const Json& member(const Json& object, const char* key) {
  static const Json null;
  if (!object.is_object()) {
    return null;
  }
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string text_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::optional<double> number_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number() ? std::optional{value.get<double>()} : std::nullopt;
}

bool flag_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::optional<UtcTime> time_of(const Json& object, const char* key) {
  return parse_iso8601(text_of(object, key));
}

}  // namespace pgcaretaker::http
