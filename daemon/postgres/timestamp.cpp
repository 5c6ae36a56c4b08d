// SPDX-License-Identifier: Apache-2.0
// Reads and writes exactly what DateStyle ISO does; see PostgreSQL's EncodeDateTime.
#include "postgres/timestamp.hpp"

#include <fmt/format.h>

#include <charconv>

namespace pgcaretaker::pg {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Takes text off the front, piece by piece; every step says whether it fitted.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char next() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool skip(char wanted) {
    if (next() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Between `least` and `most` digits, all that there are.
  bool digits(std::size_t least, std::size_t most, int& value) {
    const std::size_t found = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (found < least || found > most) return false;
    std::from_chars(rest_.data(), rest_.data() + found, value);
    rest_.remove_prefix(found);
    return true;
  }

  bool two_digits(int limit, int& value) { return digits(2, 2, value) && value < limit; }

  /// `.f` up to `.ffffff`
  bool fraction(microseconds& value) {
    const std::size_t before = rest_.size();
    int number = 0;
    if (!digits(1, 6, number)) return false;
    for (std::size_t written = before - rest_.size(); written < 6; ++written) {
      number *= 10;
    }
    value = microseconds{number};
    return true;
  }

 private:
  std::string_view rest_;
};

bool read_date(Reader& reader, std::chrono::sys_days& date) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!reader.digits(4, 5, year) || !reader.skip('-') || !reader.two_digits(13, month) ||
      !reader.skip('-') || !reader.two_digits(32, day)) {
    return false;
  }
  const std::chrono::year_month_day civil{std::chrono::year{year},
                                          std::chrono::month{static_cast<unsigned>(month)},
                                          std::chrono::day{static_cast<unsigned>(day)}};
  date = civil;
  // chrono's years end at 32767; PostgreSQL has no year 0.
  return year > 0 && year < 32767 && civil.ok();
}

bool read_time(Reader& reader, microseconds& time) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!reader.two_digits(24, hour) || !reader.skip(':') || !reader.two_digits(60, minute) ||
      !reader.skip(':') || !reader.two_digits(60, second)) {
    return false;
  }
  microseconds part{0};
  if (reader.skip('.') && !reader.fraction(part)) return false;
  time = hours{hour} + minutes{minute} + seconds{second} + part;
  return true;
}

bool read_offset(Reader& reader, seconds& offset) {
  const bool is_west = reader.next() == '-';
  if (!reader.skip('-') && !reader.skip('+')) return false;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!reader.two_digits(24, hour)) return false;
  if (reader.skip(':') && !reader.two_digits(60, minute)) return false;
  if (reader.skip(':') && !reader.two_digits(60, second)) return false;
  offset = hours{hour} + minutes{minute} + seconds{second};
  if (is_west) offset = -offset;
  return true;
}

struct Civil {
  explicit Civil(UtcTime time)
      : date{floor<days>(time)}, clock{time - floor<days>(time)}, year{int{date.year()}} {}
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<microseconds> clock;
  int year;
};

std::string format_clock(const Civil& civil) {
  std::string text = fmt::format("{:02}:{:02}:{:02}", civil.clock.hours().count(),
                                 civil.clock.minutes().count(), civil.clock.seconds().count());
  if (civil.clock.subseconds().count() != 0) {
    text += fmt::format(".{:06}", civil.clock.subseconds().count());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

std::string format_date(const Civil& civil, int year) {
  return fmt::format("{:04}-{:02}-{:02}", year, unsigned{civil.date.month()},
                     unsigned{civil.date.day()});
}

}  // namespace

std::optional<UtcTime> parse_timestamp(std::string_view text) {
  Reader reader{text};
  std::chrono::sys_days date;
  if (!read_date(reader, date)) return std::nullopt;
  if (reader.at_end()) return UtcTime{date};
  microseconds time{0};
  if (!reader.skip(' ') || !read_time(reader, time)) return std::nullopt;
  seconds offset{0};
  if (!reader.at_end() && (!read_offset(reader, offset) || !reader.at_end())) return std::nullopt;
  return UtcTime{date} + time - offset;
}

std::string format_timestamp(UtcTime time) {
  const Civil civil{time};
  // Before the year 1 PostgreSQL counts 1 BC, 2 BC, ...
  const bool is_bc = civil.year <= 0;
  return fmt::format("{} {}+00{}", format_date(civil, is_bc ? 1 - civil.year : civil.year),
                     format_clock(civil), is_bc ? " BC" : "");
}

std::string format_iso8601(UtcTime time) {
  const Civil civil{time};
  return fmt::format("{}T{}Z", format_date(civil, civil.year), format_clock(civil));
}

}  // namespace pgcaretaker::pg
