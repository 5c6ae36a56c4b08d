// SPDX-License-Identifier: Apache-2.0
// Set, run, put back.
#include "postgres/outside.hpp"

#include <fmt/format.h>

#include <optional>

namespace pgcaretaker::pg {

namespace {

constexpr std::string_view set_sql =
    "SELECT pg_catalog.set_config('lock_timeout', $1, false),"
    " pg_catalog.set_config('statement_timeout', $2, false)";

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

}  // namespace

Awaitable<void> run_outside(Connection& connection, std::string name, std::string sql,
                            Duration statement_timeout) {
  const Result before = co_await connection.query(
      "outside.settings",
      "SELECT pg_catalog.current_setting('lock_timeout') AS lock_timeout,"
      " pg_catalog.current_setting('statement_timeout') AS statement_timeout");
  const auto lock_timeout = before.only_row().get<std::string>("lock_timeout");
  const auto session_timeout = before.only_row().get<std::string>("statement_timeout");
  const std::string no_timeout = "0";
  const std::string ours = fmt::format("{}ms", statement_timeout.count());
  Restored restored{connection};
  co_await connection.query("outside.set", set_sql, no_timeout, ours);
  connection.expect_statement_timeout(statement_timeout);
  std::optional<Error> refused;
  try {
    const Params none;
    co_await connection.run(std::move(name), std::move(sql), none);
  } catch (const Error& error) {
    refused = error;
  }
  if (connection.state() == SessionState::ready) {
    connection.expect_statement_timeout(std::nullopt);
    co_await connection.query("outside.restore", set_sql, lock_timeout, session_timeout);
    restored.done();
  }
  if (refused) throw *refused;
}

}  // namespace pgcaretaker::pg
