// SPDX-License-Identifier: Apache-2.0
// Reading a name template, and whether it tells partitions apart.
#include "config/name_template.hpp"

#include <fmt/format.h>

#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

constexpr std::string_view table_mark = "{table}";

std::size_t width(char conversion) {
  switch (conversion) {
    case 'Y':
    case 'G':
      return 4;
    case 'j':
      return 3;
    case 'y':
    case 'm':
    case 'd':
    case 'H':
    case 'V':
      return 2;
    case 'q':
    case '%':
      return 1;
    default:
      return 0;
  }
}

bool has(const NameTemplate& name, char conversion) {
  return name.conversions.find(conversion) != std::string::npos;
}

bool has_year(const NameTemplate& name) {
  return has(name, 'Y') || has(name, 'y');
}

bool has_day(const NameTemplate& name) {
  return has_year(name) && ((has(name, 'm') && has(name, 'd')) || has(name, 'j'));
}

/// The coarsest unit whose bounds all of these intervals lie on: 12 months are told apart by the
/// year.
IntervalUnit granularity(const Interval& interval) {
  const auto multiple = [&](int of) { return interval.count % of == 0; };
  switch (interval.unit) {
    case IntervalUnit::hour:
      return multiple(24) ? IntervalUnit::day : IntervalUnit::hour;
    case IntervalUnit::month:
      if (multiple(12)) return IntervalUnit::year;
      return multiple(3) ? IntervalUnit::quarter : IntervalUnit::month;
    case IntervalUnit::quarter:
      return multiple(4) ? IntervalUnit::year : IntervalUnit::quarter;
    case IntervalUnit::day:
    case IntervalUnit::week:
    case IntervalUnit::year:
      break;
  }
  return interval.unit;
}

}  // namespace

NameTemplate read_name_template(std::string_view text) {
  NameTemplate name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const char conversion = i + 1 < text.size() ? text[i + 1] : '\0';
      if (width(conversion) == 0) {
        name.fault =
            fmt::format("{} is no conversion it knows, those are %Y %y %m %d %H %j %q %G %V and %%",
                        shown(text.substr(i, 2)));
        return name;
      }
      if (conversion != '%') name.conversions += conversion;
      name.fixed_bytes += width(conversion);
      ++i;
    } else if (text.substr(i).starts_with(table_mark)) {
      ++name.table_marks;
      i += table_mark.size() - 1;
    } else if (text[i] == '{' || text[i] == '}') {
      name.fault = "has a brace that is not part of {table}, the only word in braces it knows";
      return name;
    } else {
      ++name.fixed_bytes;
    }
  }
  return name;
}

std::string missing_conversions(const NameTemplate& name, const Interval& interval) {
  std::string year = has_year(name) ? "" : "%Y";
  const auto with_year = [&](bool enough, const char* lacking) {
    return year + (enough ? "" : lacking);
  };
  switch (granularity(interval)) {
    case IntervalUnit::year:
      return year;
    case IntervalUnit::quarter:
      return with_year(has(name, 'q') || has(name, 'm') || has(name, 'j'), "%q");
    case IntervalUnit::month:
      return with_year(has(name, 'm') || has(name, 'j'), "%m");
    case IntervalUnit::week:
      // %Y with %V is not unique: Monday 2024-01-01 and Monday 2024-12-30 both lie in a week 01.
      if (has_day(name) || (has(name, 'G') && has(name, 'V'))) return "";
      return std::string{has(name, 'G') ? "" : "%G"} + (has(name, 'V') ? "" : "%V");
    case IntervalUnit::day:
    case IntervalUnit::hour:
      break;
  }
  std::string missing = year;
  if (!has(name, 'j')) {
    missing += std::string{has(name, 'm') ? "" : "%m"} + (has(name, 'd') ? "" : "%d");
  }
  if (granularity(interval) == IntervalUnit::hour && !has(name, 'H')) {
    missing += "%H";
  }
  return missing;
}

}  // namespace pgcaretaker::config
