// SPDX-License-Identifier: Apache-2.0
// The one catalog query, and what is asked of the table itself.
#include "partition/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/host_name.hpp>
#include <span>
#include <sstream>
#include <utility>

#include "async/random.hpp"
#include "partition/default_contents.hpp"
#include "partition/default_rows.hpp"
#include "partition/look.hpp"
#include "partition/marked.hpp"
#include "partition/pattern.hpp"
#include "partition/retire_steps.hpp"

namespace pgcaretaker::partition {

namespace {

using pg::Connection;
using pg::Result;
using pg::Row;

// A held partition costs a query in every pass; beyond this many, or this long, the rest waits.
constexpr int most_holds_asked = 1000;
constexpr Duration longest_asking = std::chrono::seconds{5};

constexpr std::string_view table_sql = R"(
SELECT clock_timestamp() AS now, pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.gen_random_uuid()::text AS plan_id,
       EXISTS (SELECT FROM pg_catalog.pg_class AS j
                 JOIN pg_catalog.pg_namespace AS s ON s.oid = j.relnamespace
                WHERE s.nspname = $3 AND j.relname = $4
                  AND pg_catalog.has_schema_privilege(s.oid, 'USAGE')
                  AND pg_catalog.has_table_privilege(j.oid, 'INSERT')) AS journal_writable,
       current_user::text AS role, coalesce(t.oid, 0)::int8 AS oid, t.kind, t.strategy,
       t.key_columns, t.key_column, t.key_type, t.owner, t.owned, t.may_create,
       t.referenced, t.referencing
  FROM (SELECT) AS always
  LEFT JOIN (
    SELECT c.oid, c.relkind::text AS kind, p.partstrat::text AS strategy,
           p.partnatts::int4 AS key_columns, a.attname::text AS key_column,
           pg_catalog.format_type(a.atttypid, NULL) AS key_type,
           pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
           pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create,
           (SELECT pg_catalog.string_agg(DISTINCT f.confrelid || ' ' || f.confrelid::regclass, E'\n')
              FROM pg_catalog.pg_constraint AS f
             WHERE f.contype = 'f' AND f.conrelid = c.oid) AS referenced,
           (SELECT pg_catalog.string_agg(DISTINCT f.conrelid || ' ' || f.conrelid::regclass, E'\n')
              FROM pg_catalog.pg_constraint AS f
             WHERE f.contype = 'f' AND f.confrelid = c.oid) AS referencing
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
      LEFT JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attnum > 0
     WHERE n.nspname = $1 AND c.relname = $2) AS t ON true)";

// pg_get_expr with a relation OID would wait for that relation's lock; bounds hold no columns, so 0
// gives the same text and waits for nothing.
constexpr std::string_view partitions_sql = R"(
SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
       c.relkind::text AS kind, i.inhdetachpending AS detach_pending,
       coalesce(pg_catalog.pg_get_expr(c.relpartbound, 0), '') AS bounds,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END AS rows,
       c.relpages::int8 * (SELECT pg_catalog.current_setting('block_size')::int8) AS bytes,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE i.inhparent = $1::oid)";

// A table also takes its name as a type.
constexpr std::string_view taken_names_sql = R"(
SELECT c.relname::text AS name, c.oid::int8 AS oid,
       coalesce(i.inhparent, 0)::int8 AS attached_to,
       CASE WHEN i.inhparent IS NOT NULL THEN 'a partition of ' || i.inhparent::regclass::text
            WHEN c.relkind IN ('r', 'p') THEN 'a table that is attached to nothing'
            WHEN c.relkind IN ('i', 'I') THEN 'an index'
            WHEN c.relkind = 'S' THEN 'a sequence'
            WHEN c.relkind = 'f' THEN 'a foreign table'
            ELSE 'a view or type' END AS what
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid
 WHERE n.nspname = $1 AND c.relname = ANY ($2::name[])
UNION ALL
SELECT t.typname::text, 0, 0, 'a type'
  FROM pg_catalog.pg_type AS t
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
 WHERE n.nspname = $1 AND t.typname = ANY ($2::name[]) AND t.typrelid = 0)";

char first_char(const Row& row, std::string_view column) {
  return row.is_null(column) ? '\0' : row.text(column).front();
}

/// Lines of "OID NAME"; a name may hold anything but a line break.
std::vector<Neighbour> read_neighbours(const Row& row, std::string_view column) {
  std::vector<Neighbour> neighbours;
  std::istringstream lines{row.get<std::optional<std::string>>(column).value_or("")};
  Neighbour next;
  while (lines >> next.oid && lines.get() == ' ' && std::getline(lines, next.name)) {
    neighbours.push_back(next);
  }
  return neighbours;
}

ObservedTable read_table(const Row& row) {
  ObservedTable table;
  table.oid = row.get<std::int64_t>("oid");
  table.kind = first_char(row, "kind");
  table.strategy = first_char(row, "strategy");
  table.key_columns = row.get<std::optional<int>>("key_columns").value_or(0);
  table.key_column = row.get<std::optional<std::string>>("key_column").value_or("");
  table.key_type = row.get<std::optional<std::string>>("key_type").value_or("");
  table.owner = row.get<std::optional<std::string>>("owner").value_or("");
  table.owned = row.get<std::optional<bool>>("owned").value_or(false);
  table.may_create = row.get<std::optional<bool>>("may_create").value_or(false);
  table.referenced = read_neighbours(row, "referenced");
  table.referencing = read_neighbours(row, "referencing");
  return table;
}

ObservedPartition read_partition(const Row& row) {
  ObservedPartition partition;
  partition.oid = row.get<std::int64_t>("oid");
  partition.name = config::TableName{row.get<std::string>("schema"), row.get<std::string>("name")};
  partition.kind = first_char(row, "kind");
  partition.detach_pending = row.get<bool>("detach_pending");
  partition.owned = row.get<bool>("owned");
  partition.bounds = row.get<std::string>("bounds");
  partition.rows = row.get<std::optional<std::int64_t>>("rows");
  partition.bytes = row.get<std::int64_t>("bytes");
  return partition;
}

Awaitable<RetentionAnswer> ask_retention(Connection& connection,
                                         const config::Partition& settings) {
  RetentionAnswer answer;
  if (!settings.retention || settings.retention_query.empty()) co_return answer;
  const std::string sql = "SELECT answer.days::text AS value FROM " +
                          subquery(settings.retention_query) + " AS answer (days) LIMIT 2";
  const pg::Params none;
  const Look look = co_await look_at(connection, settings, "partition.retention_query", sql, none);
  answer.error = look.error;
  if (!look.error.empty() || look.rows.empty()) co_return answer;
  if (look.rows.size() > 1) {
    answer.error = "it gave more than one row";
    co_return answer;
  }
  answer = read_days(look.rows.front());
  co_return answer;
}

/// Fills taken_names, and outdated when somebody attached one of them since `snapshot`.
Awaitable<void> ask_names(Connection& connection, const config::Partition& settings,
                          const Snapshot& snapshot, const Draft& draft, Answers& answers) {
  std::vector<std::string> names;
  for (const Missing& missing : draft.missing) {
    names.push_back(missing.name);
  }
  for (const Stranded& stranded : answers.contents.stranded) {
    names.push_back(stranded.name);
  }
  const Result result = co_await connection.query("partition.taken_names", taken_names_sql,
                                                  settings.table.schema, names);
  for (const Row row : result) {
    answers.taken_names.emplace(row.get<std::string>("name"), row.get<std::string>("what"));
    const auto oid = row.get<std::int64_t>("oid");
    const bool ours = row.get<std::int64_t>("attached_to") == snapshot.table.oid;
    answers.outdated |=
        ours && std::ranges::find(snapshot.partitions, oid, &ObservedPartition::oid) ==
                    snapshot.partitions.end();
  }
}

/// nullopt = there is none whose storage could be followed.
std::optional<ObservedPartition> newest_of(const Draft& draft) {
  const Member* newest = nullptr;
  for (const Member& member : draft.members) {
    if (member.standing != Standing::regular) continue;
    if (newest == nullptr || member.range.upper > newest->range.upper) newest = &member;
  }
  return newest == nullptr ? std::nullopt : std::optional{newest->observed};
}

/// Whom hold_query is asked about, in the order in which they go.
std::vector<std::pair<std::int64_t, TimeRange>> to_ask(const config::Partition& settings,
                                                       const Snapshot& snapshot,
                                                       const Draft& draft) {
  std::vector<std::pair<std::int64_t, TimeRange>> result;
  for (const Marked& marked : draft.detached) {
    if (is_expired(marked, draft.retention) && is_due(settings, marked, snapshot.now)) {
      result.emplace_back(marked.observed.oid, marked.range);
    }
  }
  for (const auto& [oid, marked] : draft.marks) {
    if (is_expired(marked, draft.retention)) result.emplace_back(oid, marked.range);
  }
  for (const std::size_t index : draft.expired) {
    const Member& member = draft.members[index];
    if (draft.marks.contains(member.observed.oid)) continue;
    result.emplace_back(member.observed.oid, member.range);
  }
  return result;
}

Awaitable<void> ask_holds(Connection& connection, const config::Partition& settings,
                          const Snapshot& snapshot, const Draft& draft, Answers& answers) {
  std::map<std::int64_t, Hold>& holds = answers.holds;
  const SteadyTime until = std::chrono::steady_clock::now() + longest_asking;
  bool is_in_order = true;
  int free = 0;
  auto left = to_ask(settings, snapshot, draft);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (free >= settings.max_drops || static_cast<int>(holds.size()) >= most_holds_asked) break;
    const SteadyTime now = std::chrono::steady_clock::now();
    answers.holds_cut_short = now >= until;
    if (answers.holds_cut_short) break;
    // The oldest may be held for years: with a slow query each pass would come to these alone.
    if (now >= until - longest_asking / 2 && std::exchange(is_in_order, false)) {
      std::ranges::shuffle(std::span{left}.subspan(i), async::random_generator());
    }
    const auto [oid, range] = left[i];
    const task::Statement hold = hold_statement(settings.hold_query, range);
    pg::Params params = pg::Params::of(hold.params);
    const Look look =
        co_await look_at(connection, settings, hold.name, hold.sql, std::move(params));
    const bool held = !look.error.empty() || look.rows.empty();
    holds.emplace(oid, Hold{held, look.error});
    free += held ? 0 : 1;
  }
}

}  // namespace

Awaitable<Snapshot> observe(Connection& connection, const config::Partition& settings,
                            const config::Journal& journal, std::optional<UtcTime> as_of) {
  Snapshot snapshot;
  const config::TableName written = journal.table.value_or(config::TableName{});
  const Result head =
      co_await connection.query_again("partition.table", table_sql, settings.table.schema,
                                      settings.table.name, written.schema, written.name);
  const Row row = head.only_row();
  snapshot.now = as_of.value_or(row.get<UtcTime>("now"));
  snapshot.plan_id = row.get<std::string>("plan_id");
  snapshot.host = asio::ip::host_name();
  snapshot.journal_writable = row.get<bool>("journal_writable");
  snapshot.in_recovery = row.get<bool>("in_recovery");
  snapshot.role = row.get<std::string>("role");
  snapshot.table = read_table(row);
  if (snapshot.table.oid == 0 || snapshot.table.kind != 'p') co_return snapshot;

  const Result list =
      co_await connection.query_again("partition.list", partitions_sql, snapshot.table.oid);
  snapshot.partitions.reserve(static_cast<std::size_t>(list.size()));
  for (const Row partition : list) {
    snapshot.partitions.push_back(read_partition(partition));
  }
  if (wants_markers(settings, snapshot)) snapshot.commented = co_await read_commented(connection);
  snapshot.retention = co_await ask_retention(connection, settings);
  snapshot.default_rows = co_await count_default_rows(connection, settings, snapshot);
  co_return snapshot;
}

Awaitable<Answers> ask(Connection& connection, const config::Partition& settings,
                       const Snapshot& snapshot, const Draft& draft) {
  Answers answers;
  answers.contents = co_await read_default_contents(connection, settings, snapshot, draft);
  if (!draft.missing.empty() || !answers.contents.stranded.empty()) {
    co_await ask_names(connection, settings, snapshot, draft, answers);
    answers.blocked = co_await ask_blocked(connection, settings, snapshot, draft, answers.contents);
  }
  const std::vector<std::int64_t> tied = tied_tables(settings, snapshot, draft);
  if (!tied.empty()) answers.ties = co_await read_ties(connection, tied);
  // What is drained or adopted is made like the others, whoever makes those.
  const bool makes = !draft.missing.empty() || !answers.contents.stranded.empty();
  if ((makes && !settings.create_function) || !tied.empty()) {
    const std::optional<ObservedPartition> newest = newest_of(draft);
    answers.pattern = co_await read_pattern(connection, settings, snapshot.table, newest);
  }
  if (!settings.hold_query.empty()) {
    co_await ask_holds(connection, settings, snapshot, draft, answers);
  }
  co_return answers;
}

}  // namespace pgcaretaker::partition
