// SPDX-License-Identifier: Apache-2.0
// Two short transactions.
#include "archive/row_security.hpp"

#include <fmt/format.h>

#include "archive/background.hpp"
#include "archive/catalog.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::archive {

namespace {

using config::TableName;

// Beyond the lock: a change of the catalog takes milliseconds.
constexpr Duration longest_change = std::chrono::milliseconds{500};

pg::TransactionOptions short_options(Duration lock_timeout) {
  pg::TransactionOptions options;
  options.lock_timeout = lock_timeout;
  options.statement_timeout = lock_timeout + longest_change;
  options.idle_timeout = longest_silence;
  return options;
}

Awaitable<void> lock_out_all(pg::Connection& connection, const TableName& table) {
  const std::string sql = fmt::format("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE", table.sql());
  co_await connection.query("archive.lock", sql);
}

}  // namespace

Awaitable<void> lift_forced(pg::Connection& connection, std::int64_t oid, const TableName& table,
                            Duration lock_timeout) {
  const std::string sql = fmt::format("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table.sql());
  const auto body = [&]() -> Awaitable<void> {
    co_await lock_out_all(connection, table);
    co_await require_detached(connection, oid, table);
    co_await connection.query("archive.lift", sql);
  };
  co_await pg::transact(connection, short_options(lock_timeout), body);
}

Awaitable<bool> force_again(pg::Connection& connection, std::int64_t oid, const TableName& table,
                            Duration lock_timeout) {
  const std::string sql = fmt::format("ALTER TABLE {} FORCE ROW LEVEL SECURITY", table.sql());
  const auto body = [&]() -> Awaitable<void> {
    co_await lock_out_all(connection, table);
    const Found found = co_await find_table(connection, table);
    if (found.oid == oid) co_await connection.query("archive.force", sql);
  };
  bool is_forced = true;
  try {
    co_await pg::transact(connection, short_options(lock_timeout), body);
  } catch (const pg::Error& error) {
    if (error.is_connection_lost()) throw;
    is_forced = error.sqlstate() == "42P01";  // there is no such table any more
  }
  co_return is_forced;
}

}  // namespace pgcaretaker::archive
