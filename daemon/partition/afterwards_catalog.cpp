// SPDX-License-Identifier: Apache-2.0
// Two small queries, and a third one while something waits to be frozen.
#include "partition/afterwards_catalog.hpp"

#include <fmt/format.h>

#include "partition/look.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using pg::Connection;
using pg::Result;
using pg::Row;

constexpr int first_with_maintain = 170000;

/// Whether our role may VACUUM and ANALYZE the pg_class row `c`.
std::string may_maintain_sql(int server_version) {
  std::string sql =
      "(pg_catalog.pg_has_role(c.relowner, 'USAGE')"
      " OR pg_catalog.pg_has_role((SELECT d.datdba FROM pg_catalog.pg_database AS d"
      " WHERE d.datname = pg_catalog.current_database()), 'USAGE')";
  // Elsewhere the word itself is an error.
  if (server_version >= first_with_maintain) {
    sql += " OR pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')";
  }
  return sql + ")";
}

// Where the last partition of the window is only about to be created, everyone who closed before is
// unfrozen. A raw xmin older than half of the circle of ids looks as if it lay ahead. NULL: the
// later partition has gone meanwhile.
std::string unfrozen_sql(int server_version) {
  return fmt::format(R"(
SELECT c.oid::int8 AS oid, coalesce({}, false) AS may_vacuum,
       pg_catalog.pg_stat_get_live_tuples(c.oid) AS live_rows,
       CASE WHEN closed.later = 0 THEN false
            ELSE pg_catalog.age(i.xmin) NOT BETWEEN 0 AND ({}) END AS is_frozen
  FROM ROWS FROM (pg_catalog.unnest($1::int8[]), pg_catalog.unnest($2::int8[]))
         AS closed (oid, later)
  JOIN pg_catalog.pg_class AS c ON c.oid = closed.oid::oid
  LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = closed.later::oid)",
                     may_maintain_sql(server_version), unfrozen_age_sql());
}

std::string passed_sql() {
  return fmt::format(R"(
SELECT closed.oid
  FROM ROWS FROM (pg_catalog.unnest($1::int8[]), pg_catalog.unnest($2::int8[]))
         AS closed (oid, later)
  LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = closed.later::oid
 WHERE closed.later = 0 OR pg_catalog.age(i.xmin) > ({}))",
                     horizon_sql());
}

// In words, as horizon_sql() sees them.
constexpr std::string_view holder_sql = R"(
SELECT held.who
  FROM (SELECT pg_catalog.format('pid %s (user %s, application %s), %s', a.pid, a.usename,
                                 a.application_name, a.state),
               greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid))
          FROM pg_catalog.pg_stat_activity AS a
         WHERE (a.datid IS NULL OR a.datid = 0 OR a.datname = pg_catalog.current_database())
           AND a.pid <> pg_catalog.pg_backend_pid()
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v WHERE v.pid = a.pid)
        UNION ALL
        SELECT pg_catalog.format('prepared transaction "%s"', p.gid),
               pg_catalog.age(p.transaction)
          FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = pg_catalog.current_database()
        UNION ALL
        SELECT pg_catalog.format('replication slot "%s"', s.slot_name), pg_catalog.age(s.xmin)
          FROM pg_catalog.pg_replication_slots AS s
         WHERE s.wal_status IS DISTINCT FROM 'lost') AS held (who, age)
 WHERE held.age IS NOT NULL
 ORDER BY held.age DESC LIMIT 1)";

std::string statistics_sql(int server_version) {
  return fmt::format(R"(
SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END AS rows,
       greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) AS analyzed,
       $2::bool AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i
                             WHERE i.inhparent = c.oid
                               AND pg_catalog.pg_stat_get_live_tuples(i.inhrelid) > 0) AS has_rows,
       coalesce({}, false) AS may_analyze,
       pg_catalog.current_setting('track_counts')::bool AS are_kept,
       pg_catalog.current_setting('max_locks_per_transaction')::int8
         * (pg_catalog.current_setting('max_connections')::int8
            + pg_catalog.current_setting('max_prepared_transactions')::int8) AS lock_space
  FROM pg_catalog.pg_class AS c WHERE c.oid = $1::oid)",
                     may_maintain_sql(server_version));
}

struct Asked {
  std::vector<std::int64_t> oids;
  std::vector<std::int64_t> later;
};

Asked those_unfrozen(const std::vector<Closed>& closed, const Aftermath& aftermath) {
  Asked asked;
  for (const Closed& each : closed) {
    if (!aftermath.unfrozen.contains(each.observed.oid)) continue;
    asked.oids.push_back(each.observed.oid);
    asked.later.push_back(each.later_oid);
  }
  return asked;
}

/// Our login sees other sessions, the owner that database.role names need not.
Awaitable<void> ask_horizon(Connection& connection, const std::vector<Closed>& closed,
                            Aftermath& aftermath) {
  const Asked asked = those_unfrozen(closed, aftermath);
  const std::string passed = passed_sql();
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    co_await connection.query("partition.look_as_login", "SET LOCAL ROLE NONE");
    const Result sees = co_await connection.query(
        "partition.sees_all",
        "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all");
    aftermath.sees_all = sees.only_row().get<bool>("sees_all");
    const Result rows =
        co_await connection.query("partition.passed", passed, asked.oids, asked.later);
    for (const Row row : rows) {
      aftermath.unfrozen.at(row.get<std::int64_t>("oid")).passed = true;
    }
    if (rows.size() == static_cast<int>(asked.oids.size())) co_return;
    const Result holder = co_await connection.query("partition.holder", holder_sql);
    for (const Row row : holder) {
      aftermath.holder = row.get<std::string>("who");
    }
  };
  pg::TransactionOptions options;
  options.statement_timeout = longest_look;
  options.read_only = true;
  co_await pg::transact(connection, options, body);
}

Awaitable<void> ask_unfrozen(Connection& connection, const std::vector<Closed>& closed,
                             std::set<std::int64_t>& frozen, Aftermath& aftermath) {
  Asked asked;
  for (const Closed& each : closed) {
    asked.oids.push_back(each.observed.oid);
    asked.later.push_back(each.later_oid);
  }
  const std::string sql = unfrozen_sql(aftermath.server_version);
  const Result rows = co_await connection.query("partition.unfrozen", sql, asked.oids, asked.later);
  for (const Row row : rows) {
    const auto is_frozen = row.get<std::optional<bool>>("is_frozen");
    if (!is_frozen) continue;
    if (*is_frozen) {
      frozen.insert(row.get<std::int64_t>("oid"));
      continue;
    }
    Unfrozen unfrozen;
    unfrozen.may_vacuum = row.get<bool>("may_vacuum");
    unfrozen.live_rows = row.get<std::int64_t>("live_rows");
    aftermath.unfrozen.emplace(row.get<std::int64_t>("oid"), unfrozen);
  }
}

Awaitable<void> ask_statistics(Connection& connection, const Snapshot& snapshot,
                               Aftermath& aftermath) {
  const bool must_look = counted_rows(snapshot) == 0;
  const std::string sql = statistics_sql(aftermath.server_version);
  const Result rows =
      co_await connection.query_again("partition.statistics", sql, snapshot.table.oid, must_look);
  for (const Row row : rows) {
    TableStatistics statistics;
    statistics.rows = row.get<std::optional<std::int64_t>>("rows");
    statistics.analyzed = row.get<std::optional<UtcTime>>("analyzed");
    statistics.has_rows = row.get<bool>("has_rows");
    statistics.may_analyze = row.get<bool>("may_analyze");
    statistics.are_kept = row.get<bool>("are_kept");
    statistics.lock_space = row.get<std::int64_t>("lock_space");
    aftermath.statistics = statistics;
  }
}

}  // namespace

Awaitable<void> add_afterwards(Connection& connection, const config::Partition& settings,
                               const Snapshot& snapshot, const Draft& draft, const Answers& answers,
                               std::set<std::int64_t>& frozen, task::Plan& plan) {
  if (!draft.key || snapshot.in_recovery) co_return;
  Aftermath aftermath;
  aftermath.server_version = connection.server_version();
  std::vector<Closed> closed;
  if (settings.freeze) {
    closed = closed_partitions(settings, snapshot, draft, answers, plan, frozen);
  }
  if (!closed.empty()) {
    co_await ask_unfrozen(connection, closed, frozen, aftermath);
    if (!aftermath.unfrozen.empty()) co_await ask_horizon(connection, closed, aftermath);
  }
  if (settings.analyze) co_await ask_statistics(connection, snapshot, aftermath);
  plan_afterwards(settings, snapshot, draft, closed, aftermath, plan);
}

}  // namespace pgcaretaker::partition
