// SPDX-License-Identifier: Apache-2.0
// What ATTACH locks, as PostgreSQL 14 to 18 do.
#include "archive/attach_locks.hpp"

namespace pgcaretaker::archive {

namespace {

constexpr const char* locks_sql = R"(
SELECT $1::int8 AS relation, 'parent' AS what
UNION ALL
SELECT p.partdefid::int8, 'default' FROM pg_catalog.pg_partitioned_table AS p
 WHERE p.partrelid = $1::oid AND p.partdefid <> 0
UNION ALL
SELECT CASE WHEN f.conrelid = $1::oid THEN f.confrelid ELSE f.conrelid END::int8, 'key'
  FROM pg_catalog.pg_constraint AS f
 WHERE f.contype = 'f' AND $1::oid IN (f.conrelid, f.confrelid))";

}  // namespace

Awaitable<std::vector<pg::WantedLock>> locks_of_attach(pg::Connection& connection,
                                                       std::int64_t parent) {
  const pg::Result rows = co_await connection.query("archive.locks", locks_sql, parent);
  std::vector<pg::WantedLock> locks;
  for (const pg::Row row : rows) {
    const auto what = row.get<std::string>("what");
    const bool is_key = what == "key";
    locks.push_back({row.get<std::int64_t>("relation"),
                     what == "parent" ? pg::LockMode::share_update_exclusive
                     : is_key         ? pg::LockMode::share_row_exclusive
                                      : pg::LockMode::access_exclusive,
                     is_key});
  }
  co_return locks;
}

}  // namespace pgcaretaker::archive
