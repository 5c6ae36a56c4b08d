// SPDX-License-Identifier: Apache-2.0
// TID ranges, as sweeps of outboxes go: PostgreSQL 14 and later read no more than these pages.
#include "partition/default_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "partition/window.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// 64 MB with the usual block: a disk that reads slowly takes a second for it, half of longest_look.
constexpr std::int64_t pages_in_look = 8192;
// All looks of one reading together.
constexpr Duration longest_reading = 30s;
// What that is enough for where the server has the pages at hand.
constexpr std::int64_t most_pages = 2'000'000;
// Bounds that one query compares each row with.
constexpr std::size_t most_pieces = 10'000;

using Query = std::function<std::string(const std::string& here)>;
using Taker = std::function<void(const std::string& row)>;

constexpr const char* hint = "; an index on the key makes it quick";

/// That the default has now; an error of the look goes to `error`.
Awaitable<std::int64_t> count_pages(const Search& search, std::string& error) {
  const std::string sql = fmt::format(
      "SELECT (pg_catalog.pg_relation_size({}::regclass)\n"
      "        / pg_catalog.current_setting('block_size')::int8)::text AS value",
      pg::quote_literal(search.source));
  const pg::Params none;
  const Look look =
      co_await look_at(search.connection, search.settings, "partition.default_pages", sql, none);
  error = look.error;
  std::int64_t pages = 0;
  if (!look.rows.empty() && look.rows.front()) {
    const std::string& text = *look.rows.front();
    std::from_chars(text.data(), text.data() + text.size(), pages);
  }
  co_return pages;
}

/// One look after the other over all pages; `sql` takes the condition on d's pages. "" = all read,
/// otherwise why not.
Awaitable<std::string> read_all(const Search& search, const char* name, const Query& sql,
                                const Taker& take) {
  std::string error;
  const std::int64_t pages = co_await count_pages(search, error);
  if (!error.empty()) co_return error;
  if (pages > most_pages) co_return fmt::format("{} pages are too many to be read{}", pages, hint);
  const SteadyTime until = std::chrono::steady_clock::now() + longest_reading;
  for (std::int64_t page = 0; page < pages; page += pages_in_look) {
    if (std::chrono::steady_clock::now() >= until) {
      co_return fmt::format(
          "reading it took longer than {} s{}",
          std::chrono::duration_cast<std::chrono::seconds>(longest_reading).count(), hint);
    }
    const std::string piece = sql(fmt::format("d.ctid >= '({},0)'::tid AND d.ctid < '({},0)'::tid",
                                              page, page + pages_in_look));
    const pg::Params none;
    const Look look = co_await look_at(search.connection, search.settings, name, piece, none);
    if (!look.error.empty()) co_return look.error;
    for (const auto& row : look.rows) {
      if (row) take(*row);
    }
  }
  co_return "";
}

/// What min() takes: there is none for uuids, whose text has the same order.
std::string comparable_key(const Search& search) {
  const bool is_uuid = search.key.type == KeyType::uuid;
  return "d." + search.column + (is_uuid ? "::text COLLATE \"C\"" : "");
}

void extend(Ends& ends, const std::optional<Position>& position) {
  if (!position) return;
  const UtcTime time = position->floor;
  ends.first = std::min(ends.first.value_or(time), time);
  ends.last = std::max(ends.last.value_or(time), time);
}

/// All that is free from the first key to the last; empty = too many pieces.
std::vector<TimeRange> free_pieces(const Search& search, const Ends& ends) {
  std::vector<TimeRange> pieces;
  for (UtcTime at = *ends.first; at <= *ends.last;) {
    if (pieces.size() == most_pieces) return {};
    if (const auto piece = free_piece(search.settings.interval, at, search.taken)) {
      pieces.push_back(*piece);
      at = piece->upper;
    } else {
      at = holder_of(search, at).upper;
    }
  }
  return pieces;
}

/// Where pieces begin and end, sorted.
std::vector<UtcTime> edges_of(const std::vector<TimeRange>& pieces) {
  std::vector<UtcTime> edges;
  for (const TimeRange& piece : pieces) {
    if (edges.empty() || edges.back() != piece.lower) edges.push_back(piece.lower);
    edges.push_back(piece.upper);
  }
  return edges;
}

std::string array_literal(const Search& search, const std::vector<UtcTime>& edges) {
  std::string list;
  for (const UtcTime edge : edges) {
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ",", bound_literal(search.key, edge));
  }
  return fmt::format("{}::{}[]", pg::quote_literal("{" + list + "}"), sql_type(search.key));
}

/// "BUCKET ROWS"
std::pair<std::size_t, std::int64_t> read_bucket(const std::string& text) {
  std::pair<std::size_t, std::int64_t> read;
  const char* end = text.data() + text.size();
  const char* gap = std::from_chars(text.data(), end, read.first).ptr;
  if (gap != end) std::from_chars(gap + 1, end, read.second);
  return read;
}

}  // namespace

Awaitable<Ends> scan_ends(const Search& search) {
  Ends ends;
  const Query sql = [&](const std::string& here) {
    return fmt::format(
        "SELECT pg_catalog.json_build_object(\n"
        "  'first', (pg_catalog.min({0}) FILTER (WHERE {1}))::text,\n"
        "  'last', (pg_catalog.max({0}) FILTER (WHERE {1}))::text,\n"
        "  'odd', coalesce(pg_catalog.bool_or(({1}) IS NOT TRUE), false))::text AS value\n"
        "  FROM ONLY {2} AS d\n"
        " WHERE {3}",
        comparable_key(search), in_calendar(search), search.source, here);
  };
  const Taker take = [&](const std::string& text) {
    const json read = json::parse(text);
    for (const char* end : {"first", "last"}) {
      if (!read.at(end).is_null()) {
        extend(ends, position_of(search.key, read.at(end).get<std::string>()));
      }
    }
    ends.odd_keys = ends.odd_keys || read.at("odd").get<bool>();
  };
  ends.error = co_await read_all(search, "partition.stranded_ends", sql, take);
  co_return ends;
}

Awaitable<void> scan_stranded(const Search& search, const Ends& ends, DefaultContents& contents) {
  contents.error = ends.error;
  contents.complete = ends.error.empty() && !ends.first;
  if (!ends.error.empty() || !ends.first) co_return;
  const std::vector<TimeRange> pieces = free_pieces(search, ends);
  if (pieces.empty()) {
    contents.error = fmt::format("they are of years with more than {} ranges{}", most_pieces, hint);
    co_return;
  }
  const std::vector<UtcTime> edges = edges_of(pieces);
  const std::string bucket =
      fmt::format("pg_catalog.width_bucket(d.{}, {})", search.column, array_literal(search, edges));
  const Query sql = [&](const std::string& here) {
    return fmt::format(
        "SELECT b.bucket || ' ' || pg_catalog.count(*) AS value\n"
        "  FROM (SELECT {0} AS bucket FROM ONLY {1} AS d WHERE {2} AND {3}) AS b\n"
        " GROUP BY b.bucket",
        bucket, search.source, in_calendar(search), here);
  };
  std::map<std::size_t, std::int64_t> rows;  // bucket n begins at edge n - 1
  const Taker take = [&](const std::string& text) {
    const auto [number, count] = read_bucket(text);
    rows[number] += count;
  };
  contents.error = co_await read_all(search, "partition.stranded", sql, take);
  if (!contents.error.empty()) co_return;
  bool is_misplaced = false;
  for (const auto& [number, count] : rows) {
    const auto piece = number == 0
                           ? pieces.end()
                           : std::ranges::find(pieces, edges[number - 1], &TimeRange::lower);
    if (piece == pieces.end()) {
      is_misplaced = true;
      continue;
    }
    contents.stranded.push_back(stranded_in(search, *piece));
    contents.stranded.back().rows = count;
  }
  close_search(is_misplaced, contents);
}

}  // namespace pgcaretaker::partition
