// SPDX-License-Identifier: Apache-2.0
// The conversions of a name template.
#include "partition/name.hpp"

#include <fmt/format.h>

namespace pgcaretaker::partition {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;

struct IsoWeek {
  int year;
  int week;
};

/// The ISO week belongs to the year that its Thursday lies in.
IsoWeek iso_week(sys_days day) {
  const std::chrono::weekday weekday{day};
  const sys_days thursday = day - days{weekday.iso_encoding() - 1} + days{3};
  const std::chrono::year year = std::chrono::year_month_day{thursday}.year();
  const sys_days new_year{year / std::chrono::January / 1};
  return {int{year}, static_cast<int>((thursday - new_year).count() / 7 + 1)};
}

std::string converted(char conversion, UtcTime lower) {
  const sys_days day = floor<days>(lower);
  const std::chrono::year_month_day date{day};
  const int year{date.year()};
  const unsigned month{date.month()};
  switch (conversion) {
    case 'Y':
      return fmt::format("{:04}", year);
    case 'y':
      return fmt::format("{:02}", year % 100);
    case 'm':
      return fmt::format("{:02}", month);
    case 'd':
      return fmt::format("{:02}", unsigned{date.day()});
    case 'H':
      return fmt::format("{:02}", floor<std::chrono::hours>(lower - day).count());
    case 'j':
      return fmt::format("{:03}", (day - sys_days{date.year() / 1 / 1}).count() + 1);
    case 'q':
      return fmt::format("{}", (month - 1) / 3 + 1);
    case 'G':
      return fmt::format("{:04}", iso_week(day).year);
    case 'V':
      return fmt::format("{:02}", iso_week(day).week);
    case '%':
      return "%";
    default:
      return std::string{'%', conversion};
  }
}

}  // namespace

std::string partition_name(std::string_view name_template, std::string_view table, UtcTime lower) {
  static constexpr std::string_view table_mark = "{table}";
  std::string name;
  for (std::size_t i = 0; i < name_template.size(); ++i) {
    const char c = name_template[i];
    if (c == '%' && i + 1 < name_template.size()) {
      name += converted(name_template[++i], lower);
    } else if (name_template.substr(i).starts_with(table_mark)) {
      name += table;
      i += table_mark.size() - 1;
    } else {
      name += c;
    }
  }
  return name;
}

}  // namespace pgcaretaker::partition
