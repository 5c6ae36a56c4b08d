// SPDX-License-Identifier: Apache-2.0
// Hopping from range to range through the default partition.
#include "partition/default_contents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "partition/guard.hpp"
#include "partition/json_answer.hpp"
#include "partition/look.hpp"
#include "partition/name.hpp"
#include "partition/rescue.hpp"
#include "partition/window.hpp"

#include <nlohmann/json.hpp>

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// All looks for ranges together; each has its own limit besides.
constexpr Duration longest_search = 5s;
// One transaction each; what is left comes with the next pass.
constexpr std::size_t most_ranges = 100;

// Keys beyond the calendar's years, infinite ones and NULL stay where they are.
constexpr UtcTime first_time = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
constexpr UtcTime last_time = std::chrono::sys_days{std::chrono::year{9999} / 1 / 1};

// $1 the default, $2 the parent, $3 what comments of ours begin with. Foreign keys have triggers of
// their own, which are internal.
constexpr const char* facts_sql = R"(
SELECT pg_catalog.json_build_object(
  'guards', (SELECT pg_catalog.json_agg(k.conname ORDER BY k.conname)
               FROM pg_catalog.pg_constraint AS k
              WHERE k.conrelid = c.oid AND k.contype = 'c'
                AND pg_catalog.obj_description(k.oid, 'pg_constraint') LIKE $3 || '%'),
  'intruders', (SELECT pg_catalog.json_agg(found.what)
                  FROM (SELECT 'trigger ' || pg_catalog.quote_ident(t.tgname)
                               || ' (' || t.tgfoid::pg_catalog.regproc::text || ')'
                          FROM pg_catalog.pg_trigger AS t
                         WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 8 <> 0
                           AND t.tgenabled IN ('O', 'A')
                        UNION ALL
                        SELECT 'rule ' || pg_catalog.quote_ident(r.rulename)
                          FROM pg_catalog.pg_rewrite AS r
                         WHERE r.ev_class = c.oid) AS found (what)),
  'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = $2::oid AND a.attnum > 0 AND NOT a.attisdropped
                 AND a.attgenerated = ''),
  'row_security', c.relrowsecurity, 'forced_row_security', c.relforcerowsecurity
)::text AS value
  FROM pg_catalog.pg_class AS c
 WHERE c.oid = $1::oid)";

Awaitable<DefaultContents> read_facts(pg::Connection& connection, const config::Partition& settings,
                                      const Snapshot& snapshot) {
  DefaultContents contents;
  const std::int64_t oid = default_of(snapshot)->oid;
  const std::string marker{guard_marker};
  const pg::Params params = pg::Params::pack(oid, snapshot.table.oid, marker);
  const Look look =
      co_await look_at(connection, settings, "partition.default_facts", facts_sql, params);
  contents.error = look.error;
  if (look.rows.size() == 1 && look.rows.front()) {
    const json facts = json::parse(*look.rows.front());
    contents.guards = words_of(facts, "guards");
    contents.intruders = words_of(facts, "intruders");
    contents.columns = words_of(facts, "columns");
    contents.row_security = facts.at("row_security").get<bool>();
    contents.forced_row_security = facts.at("forced_row_security").get<bool>();
  }
  co_return contents;
}

/// What the looks of one search share.
struct Search {
  pg::Connection& connection;
  const config::Partition& settings;
  std::string source;  // FROM ONLY ...
  std::string column;  // quoted
  Key key;
};

std::string literal(const Search& search, UtcTime time) {
  return fmt::format("{} '{}'", sql_type(search.key), bound_literal(search.key, time));
}

std::string first_literal(const Search& search) {
  return literal(search, std::max(first_time, span_of(search.key).lower));
}

std::string last_literal(const Search& search) {
  return literal(search, std::min(last_time, span_of(search.key).upper));
}

/// Which keys tell a time at all: of uuids those of version 7.
std::string timely(const Search& search) {
  if (search.key.type != KeyType::uuid) return "";
  return fmt::format(" AND substr(d.{}::text, 15, 1) = '7'", search.column);
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

/// Whether a key is NULL or tells no time of the calendar; false also when it could not be told: a
/// guard's validation tells then.
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

Stranded stranded_in(const Search& search, const TimeRange& range) {
  return Stranded{
      range, partition_name(search.settings.name, search.settings.table.name, range.lower), {}};
}

/// For adoption, however many ranges there are: the first and the last one, when nothing is
/// attached from the one to the other and no row is outside of them. false = not so, or it could
/// not be told.
Awaitable<bool> find_ends(const Search& search, const std::vector<TimeRange>& taken,
                          DefaultContents& contents) {
  const std::string from = first_literal(search);
  std::optional<UtcTime> first;
  std::optional<UtcTime> last;
  std::string error;
  const bool is_first_told = co_await find_key(search, "ASC", from, first, error);
  if (!is_first_told || !first) co_return false;
  const bool is_last_told = co_await find_key(search, "DESC", from, last, error);
  if (!is_last_told || !last) co_return false;
  const auto lower = free_piece(search.settings.interval, *first, taken);
  const auto upper = free_piece(search.settings.interval, *last, taken);
  if (!lower || !upper) co_return false;
  for (const TimeRange& range : taken) {
    if (lower->upper <= range.lower && range.upper <= upper->lower) co_return false;
  }
  contents.odd_keys = co_await has_odd_keys(search);
  if (contents.odd_keys) co_return false;
  contents.stranded.push_back(stranded_in(search, *lower));
  if (*upper != *lower) contents.stranded.push_back(stranded_in(search, *upper));
  co_return true;
}

Awaitable<void> find_stranded(const Search& search, const std::vector<TimeRange>& taken,
                              DefaultContents& contents) {
  const SteadyTime until = std::chrono::steady_clock::now() + longest_search;
  std::string from = first_literal(search);
  bool is_misplaced = false;
  while (contents.stranded.size() < most_ranges) {
    std::optional<UtcTime> next;
    const bool is_told = co_await find_key(search, "ASC", from, next, contents.error);
    if (!is_told) co_return;
    if (!next) break;
    if (const auto range = free_piece(search.settings.interval, *next, taken)) {
      Stranded stranded = stranded_in(search, *range);
      stranded.rows = co_await count_rows(search, *range);
      contents.stranded.push_back(std::move(stranded));
      from = literal(search, range->upper);
    } else {
      is_misplaced = true;
      const auto holder =
          std::ranges::find_if(taken, [&](const TimeRange& each) { return each.contains(*next); });
      from = literal(search, holder->upper);
    }
    if (std::chrono::steady_clock::now() >= until) {
      contents.error = "looking for more took too long; an index on the key makes it quick";
      co_return;
    }
  }
  if (contents.stranded.size() == most_ranges) {
    contents.error = fmt::format("more than {} ranges, of which the first are read", most_ranges);
  } else if (is_misplaced) {
    contents.error = "a row lies in it that an attached partition should have";
  }
}

}  // namespace

const ObservedPartition* default_of(const Snapshot& snapshot) {
  for (const ObservedPartition& partition : snapshot.partitions) {
    if (partition.bounds == "DEFAULT" && !partition.detach_pending) return &partition;
  }
  return nullptr;
}

Awaitable<DefaultContents> read_default_contents(pg::Connection& connection,
                                                 const config::Partition& settings,
                                                 const Snapshot& snapshot, const Draft& draft) {
  DefaultContents contents;
  const ObservedPartition* partition = default_of(snapshot);
  if (partition == nullptr || !draft.key) co_return contents;
  contents = co_await read_facts(connection, settings, snapshot);
  // Rows that could not be counted say why already.
  const bool has_rows = snapshot.default_rows && snapshot.default_rows->error.empty() &&
                        snapshot.default_rows->rows.value_or(0) > 0;
  if (!contents.error.empty() || !has_rows || partition->kind != 'r') co_return contents;
  const Search search{connection, settings, partition->name.sql(),
                      config::quote_identifier(snapshot.table.key_column), *draft.key};
  const auto taken = taken_by(draft.members, *draft.key);
  if (settings.default_partition == config::DefaultPartition::adopt) {
    const bool is_one_range = co_await find_ends(search, taken, contents);
    if (is_one_range) co_return contents;
  }
  co_await find_stranded(search, taken, contents);
  co_return contents;
}

}  // namespace pgcaretaker::partition
