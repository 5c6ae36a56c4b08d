// SPDX-License-Identifier: Apache-2.0
// Set, run, put back.
#include "postgres/outside.hpp"

#include <fmt/format.h>

#include "async/until.hpp"

namespace pgcaretaker::pg {

namespace {

constexpr std::string_view look_sql =
    "SELECT pg_catalog.current_setting('lock_timeout') AS lock_timeout,"
    " pg_catalog.current_setting('statement_timeout') AS statement_timeout,"
    " pg_catalog.current_setting('vacuum_cost_delay') AS cost_delay";

constexpr std::string_view set_sql =
    "SELECT pg_catalog.set_config('lock_timeout', $1, false),"
    " pg_catalog.set_config('statement_timeout', $2, false),"
    " pg_catalog.set_config('vacuum_cost_delay', $3, false)";

/// Closes the session unless told that it is as it was.
class Restored {
 public:
  explicit Restored(Connection& connection) : connection_{connection} {}
  Restored(const Restored&) = delete;
  ~Restored() {
    connection_.expect_statement_timeout(std::nullopt);
    if (!is_done_) connection_.close();
  }
  void done() { is_done_ = true; }

 private:
  Connection& connection_;
  bool is_done_ = false;
};

std::string in_milliseconds(Duration time) {
  return fmt::format("{}ms", time.count());
}

Awaitable<void> run_statement(Connection& connection, std::string name, std::string sql) {
  const Params none;
  co_await connection.run(std::move(name), std::move(sql), none);
}

}  // namespace

Awaitable<void> run_outside(Connection& connection, std::string name, std::string sql,
                            Duration statement_timeout) {
  Manners manners;
  manners.statement_timeout = statement_timeout;
  co_await run_politely(connection, std::move(name), std::move(sql), manners);
}

Awaitable<std::optional<std::string>> run_politely(Connection& connection, std::string name,
                                                   std::string sql, const Manners& manners) {
  const Result before = co_await connection.query("outside.settings", look_sql);
  const auto lock_timeout = before.only_row().get<std::string>("lock_timeout");
  const auto session_timeout = before.only_row().get<std::string>("statement_timeout");
  const auto session_delay = before.only_row().get<std::string>("cost_delay");
  const std::string our_lock_timeout = in_milliseconds(manners.lock_timeout);
  const std::string our_timeout = in_milliseconds(manners.statement_timeout);
  const std::string our_delay =
      manners.cost_delay ? in_milliseconds(*manners.cost_delay) : session_delay;
  Restored restored{connection};
  co_await connection.query("outside.set", set_sql, our_lock_timeout, our_timeout, our_delay);
  connection.expect_statement_timeout(manners.statement_timeout);
  std::optional<Error> refused;
  std::optional<std::string> stopped;
  try {
    Awaitable<void> statement = run_statement(connection, std::move(name), std::move(sql));
    if (manners.reason_to_stop) {
      Awaitable<std::string> reason = manners.reason_to_stop();
      stopped = co_await async::run_until(std::move(statement), std::move(reason));
    } else {
      co_await std::move(statement);
    }
  } catch (const Error& error) {
    refused = error;
  }
  if (connection.state() == SessionState::ready) {
    connection.expect_statement_timeout(std::nullopt);
    co_await connection.query("outside.restore", set_sql, lock_timeout, session_timeout,
                              session_delay);
    restored.done();
  }
  if (refused) throw *refused;
  co_return stopped;
}

}  // namespace pgcaretaker::pg
