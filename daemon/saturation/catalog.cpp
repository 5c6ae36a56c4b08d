// SPDX-License-Identifier: Apache-2.0
// pg_stat_activity, grouped on the server.
#include "saturation/catalog.hpp"

#include <functional>

#include "postgres/transaction.hpp"

namespace pgcaretaker::saturation {

namespace {

// Milliseconds of work; whatever takes longer is a server in trouble, and the next look is seconds
// away.
constexpr Duration observe_timeout = std::chrono::seconds{2};

constexpr const char* server_sql = R"(
SELECT clock_timestamp() AS now, session_user::text AS role,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
       current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int AS superuser_reserved,
       coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved)";

// A superuser's CONNECTION LIMIT is not enforced; -2 marks a database left half dropped.
constexpr const char* limits_sql = R"(
SELECT true AS is_role, rolname::text AS name, rolconnlimit AS connection_limit FROM pg_roles
WHERE rolname = ANY ($1::text[]) AND rolconnlimit >= 0 AND NOT rolsuper
UNION ALL
SELECT false, datname::text, datconnlimit FROM pg_database
WHERE datname = ANY ($2::text[]) AND datconnlimit >= 0)";

constexpr const char* sessions_sql = R"(
SELECT coalesce(usename, '')::text AS usename, coalesce(datname, '')::text AS datname,
       coalesce(application_name, '') AS application_name,
       count(*) FILTER (WHERE state = 'active')::int AS active,
       count(*) FILTER (WHERE state = 'idle')::int AS idle,
       count(*) FILTER (WHERE state = 'idle in transaction')::int AS in_transaction,
       count(*) FILTER (WHERE state = 'idle in transaction (aborted)')::int AS aborted,
       count(*)::int AS sessions,
       count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting,
       extract(epoch FROM clock_timestamp() - min(xact_start)
         FILTER (WHERE pid <> pg_backend_pid()))::double precision AS oldest_seconds,
       (array_agg(pid ORDER BY xact_start)
         FILTER (WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid()))[1] AS oldest_pid
FROM pg_stat_activity WHERE backend_type = 'client backend'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)";

SessionGroup group_of(const pg::Row& row) {
  SessionGroup group;
  group.user = row.get<std::string>("usename");
  group.database = row.get<std::string>("datname");
  group.application = row.get<std::string>("application_name");
  group.states = {row.get<int>("active"), row.get<int>("idle"), row.get<int>("in_transaction"),
                  row.get<int>("aborted"), 0};
  int named = 0;
  for (const int count : group.states)
    named += count;
  group.states.back() = row.get<int>("sessions") - named;
  group.waiting = row.get<int>("waiting");
  const auto seconds = row.get<std::optional<double>>("oldest_seconds");
  if (seconds) {
    group.oldest =
        OldestTransaction{*seconds, row.get<int>("oldest_pid"), group.user, group.application};
  }
  return group;
}

Awaitable<void> read_server(pg::Connection& connection, Snapshot& snapshot) {
  const pg::Result result = co_await connection.query("saturation.server", server_sql);
  const pg::Row row = result.only_row();
  snapshot.as_of = row.get<UtcTime>("now");
  snapshot.role = row.get<std::string>("role");
  snapshot.sees_all_sessions = row.get<bool>("sees_all");
  snapshot.max_connections = row.get<int>("max_connections");
  snapshot.superuser_reserved = row.get<int>("superuser_reserved");
  snapshot.reserved = row.get<int>("reserved");
}

Awaitable<void> read_limits(pg::Connection& connection, const config::Saturation& settings,
                            Snapshot& snapshot) {
  std::vector<std::string> roles;
  std::vector<std::string> databases;
  for (const config::Pool& pool : settings.pools) {
    roles.push_back(pool.user);
    databases.push_back(pool.database);
  }
  const pg::Result result =
      co_await connection.query("saturation.limits", limits_sql, roles, databases);
  for (const pg::Row row : result) {
    auto& limits = row.get<bool>("is_role") ? snapshot.role_limits : snapshot.database_limits;
    limits[row.get<std::string>("name")] = row.get<int>("connection_limit");
  }
}

Awaitable<void> read_sessions(pg::Connection& connection, Snapshot& snapshot) {
  const pg::Result result = co_await connection.query("saturation.sessions", sessions_sql);
  for (const pg::Row row : result) {
    snapshot.groups.push_back(group_of(row));
  }
}

}  // namespace

Awaitable<Snapshot> observe(pg::Connection& connection, const config::Saturation& settings,
                            std::optional<UtcTime> as_of) {
  Snapshot snapshot;
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    co_await connection.query("saturation.login_role", "SET LOCAL ROLE NONE");
    co_await read_server(connection, snapshot);
    co_await read_limits(connection, settings, snapshot);
    if (snapshot.sees_all_sessions) co_await read_sessions(connection, snapshot);
  };
  pg::TransactionOptions options;
  options.statement_timeout = observe_timeout;
  options.read_only = true;
  co_await pg::transact(connection, options, body);
  if (as_of) snapshot.as_of = *as_of;
  co_return snapshot;
}

}  // namespace pgcaretaker::saturation
