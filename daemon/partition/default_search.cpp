// SPDX-License-Identifier: Apache-2.0
// Hopping from range to range by an index.
#include "partition/default_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "partition/look.hpp"
#include "partition/name.hpp"
#include "partition/rescue.hpp"
#include "partition/window.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;

// All looks for ranges together; each has its own limit besides.
constexpr Duration longest_search = 5s;

// Keys beyond the calendar's years, infinite ones and NULL stay where they are.
constexpr UtcTime first_time = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
constexpr UtcTime last_time = std::chrono::sys_days{std::chrono::year{9999} / 1 / 1};

/// Which keys tell a time at all.
std::string timely(const Search& search) {
  if (search.key.type != KeyType::uuid) return "";
  return fmt::format(" AND substr(d.{}::text, 15, 1) = '7'", search.column);
}

std::string first_literal(const Search& search) {
  return literal(search, std::max(first_time, span_of(search.key).lower));
}

std::string last_literal(const Search& search) {
  return literal(search, std::min(last_time, span_of(search.key).upper));
}

/// The smallest or largest key from `from` on, or nothing; false = could not be told, see `error`.
Awaitable<bool> find_key(const Search& search, std::string_view order, const std::string& from,
                         std::optional<UtcTime>& found, std::string& error) {
  const std::string sql = fmt::format(
      "SELECT d.{0}::text AS value FROM ONLY {1} AS d\n"
      " WHERE d.{0} >= {2} AND d.{0} < {3}{4}\n"
      " ORDER BY d.{0} {5} LIMIT 1",
      search.column, search.source, from, last_literal(search), timely(search), order);
  const pg::Params none;
  const Look look =
      co_await look_at(search.connection, search.settings, "partition.stranded", sql, none);
  error = look.error;
  found.reset();
  if (look.rows.size() == 1 && look.rows.front()) {
    if (const auto position = position_of(search.key, *look.rows.front())) found = position->floor;
  }
  co_return look.error.empty();
}

/// nullopt = could not be told in time.
Awaitable<std::optional<std::int64_t>> count_rows(const Search& search, const TimeRange& range) {
  const std::string sql = fmt::format(
      "SELECT pg_catalog.count(*)::text AS value\n"
      "  FROM (SELECT FROM ONLY {1} AS d WHERE d.{0} >= {2} AND d.{0} < {3} LIMIT {4}) AS counted",
      search.column, search.source, literal(search, range.lower), literal(search, range.upper),
      most_moved + 1);
  const pg::Params none;
  const Look look =
      co_await look_at(search.connection, search.settings, "partition.stranded_rows", sql, none);
  std::optional<std::int64_t> rows;
  if (look.rows.size() == 1 && look.rows.front()) {
    const std::string& text = *look.rows.front();
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    rows = value;
  }
  co_return rows;
}

/// false also when it could not be told: a guard's validation tells then.
Awaitable<bool> has_odd_keys(const Search& search) {
  const std::string odd_uuid =
      search.key.type == KeyType::uuid
          ? fmt::format(" OR substr(d.{}::text, 15, 1) <> '7'", search.column)
          : "";
  const std::string sql = fmt::format(
      "SELECT '' AS value FROM ONLY {1} AS d\n"
      " WHERE d.{0} IS NULL OR d.{0} < {2} OR d.{0} >= {3}{4} LIMIT 1",
      search.column, search.source, first_literal(search), last_literal(search), odd_uuid);
  const pg::Params none;
  const Look look =
      co_await look_at(search.connection, search.settings, "partition.odd_keys", sql, none);
  co_return !look.rows.empty();
}

}  // namespace

std::string literal(const Search& search, UtcTime time) {
  return fmt::format("{} '{}'", sql_type(search.key), bound_literal(search.key, time));
}

std::string in_calendar(const Search& search) {
  return fmt::format("d.{0} >= {1} AND d.{0} < {2}{3}", search.column, first_literal(search),
                     last_literal(search), timely(search));
}

Stranded stranded_in(const Search& search, const TimeRange& range) {
  return Stranded{
      range, partition_name(search.settings.name, search.settings.table.name, range.lower), {}};
}

const TimeRange& holder_of(const Search& search, UtcTime time) {
  return *std::ranges::find_if(search.taken,
                               [&](const TimeRange& each) { return each.contains(time); });
}

void close_search(bool is_misplaced, DefaultContents& contents) {
  if (contents.stranded.size() >= most_ranges) {
    contents.stranded.resize(most_ranges);
    contents.error = fmt::format("more than {} ranges, of which the first are read", most_ranges);
  } else if (is_misplaced) {
    contents.error = "a row lies in it that an attached partition should have";
  }
  contents.complete = contents.error.empty();
}

Awaitable<Ends> find_ends(const Search& search) {
  const std::string from = first_literal(search);
  Ends ends;
  const bool is_first_told = co_await find_key(search, "ASC", from, ends.first, ends.error);
  if (!is_first_told || !ends.first) co_return ends;
  const bool is_last_told = co_await find_key(search, "DESC", from, ends.last, ends.error);
  if (is_last_told) ends.odd_keys = co_await has_odd_keys(search);
  co_return ends;
}

Awaitable<void> find_stranded(const Search& search, DefaultContents& contents) {
  const SteadyTime until = std::chrono::steady_clock::now() + longest_search;
  std::string from = first_literal(search);
  bool is_misplaced = false;
  while (contents.stranded.size() < most_ranges) {
    std::optional<UtcTime> next;
    const bool is_told = co_await find_key(search, "ASC", from, next, contents.error);
    if (!is_told) co_return;
    if (!next) break;
    if (const auto range = free_piece(search.settings.interval, *next, search.taken)) {
      Stranded stranded = stranded_in(search, *range);
      stranded.rows = co_await count_rows(search, *range);
      contents.stranded.push_back(std::move(stranded));
      from = literal(search, range->upper);
    } else {
      is_misplaced = true;
      from = literal(search, holder_of(search, *next).upper);
    }
    if (std::chrono::steady_clock::now() >= until) {
      contents.error = "looking for more took too long; the next pass goes on";
      co_return;
    }
  }
  close_search(is_misplaced, contents);
}

}  // namespace pgcaretaker::partition
