// SPDX-License-Identifier: Apache-2.0
// A look at the lock table from a second session.
#include "postgres/waiter.hpp"

#include <fmt/format.h>

namespace pgcaretaker::pg {

namespace {

constexpr std::string_view waiters_sql = R"(
SELECT a.pid, coalesce(a.usename, '')::text AS who,
       coalesce(a.application_name, '') AS application,
       pg_catalog.left(pg_catalog.regexp_replace(coalesce(a.query, ''), '\s+', ' ', 'g'), 120)
         AS query
  FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks AS l
         WHERE NOT l.granted AND l.pid IS NOT NULL AND l.locktype = ANY ($2)
        OFFSET 0) AS waiting
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = waiting.pid
 WHERE $1::int4 = ANY (pg_catalog.pg_blocking_pids(waiting.pid))
 ORDER BY a.pid LIMIT 1)";

std::vector<std::string> lock_types(const Waitings& watched) {
  std::vector<std::string> types;
  for (const Waiting waiting : watched) {
    if (waiting == Waiting::for_table) {
      types.emplace_back("relation");
    } else {
      types.emplace_back("transactionid");
      types.emplace_back("tuple");  // behind somebody who waits for the transaction
    }
  }
  return types;
}

}  // namespace

Awaitable<std::optional<Waiter>> waiter_for(Connection& second, int pid, const Waitings& watched) {
  std::optional<Waiter> found;
  const std::vector<std::string> types = lock_types(watched);
  const Result rows = co_await second.query("lock.waiters", waiters_sql, pid, types);
  for (const Row row : rows) {
    found = Waiter{row.get<int>("pid"), row.get<std::string>("who"),
                   row.get<std::string>("application"), row.get<std::string>("query")};
  }
  co_return found;
}

std::string waiter_text(const Waiter& waiter) {
  return fmt::format("pid {} (user {}, application {})", waiter.pid, waiter.user,
                     waiter.application);
}

}  // namespace pgcaretaker::pg
