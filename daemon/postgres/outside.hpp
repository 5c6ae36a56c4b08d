// SPDX-License-Identifier: Apache-2.0
// A statement that PostgreSQL refuses inside a transaction, such as DETACH ... CONCURRENTLY.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

/// Runs it without lock_timeout, whose end would leave it half done, and with this
/// statement_timeout; then the session's own are back. Throws Error. A session whose own could not
/// be put back, or whose statement was cancelled from here, is closed.
Awaitable<void> run_outside(Connection& connection, std::string name, std::string sql,
                            Duration statement_timeout);

/// How a statement is to behave that may be given up at any time, such as VACUUM.
struct Manners {
  Duration lock_timeout{0};  // 0 = none
  Duration statement_timeout{0};
  std::optional<Duration> cost_delay;  // vacuum_cost_delay; nullopt = the session's
  /// Runs beside the statement; when it returns, the statement is cancelled on the server.
  std::function<Awaitable<std::string>()> reason_to_stop;
};

/// Runs it with these settings; then the session's own are back. nullopt: it came to its end;
/// otherwise why it was given up, with the session ready again unless the server did not answer.
/// Throws Error and what the reason throws. A session whose own settings could not be put back, or
/// whose caller was cancelled, is closed.
Awaitable<std::optional<std::string>> run_politely(Connection& connection, std::string name,
                                                   std::string sql, const Manners& manners);

}  // namespace pgcaretaker::pg
