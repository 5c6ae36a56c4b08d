// SPDX-License-Identifier: Apache-2.0
// A statement that PostgreSQL refuses inside a transaction, such as DETACH ... CONCURRENTLY.
#pragma once

#include <string>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

/// Runs it without lock_timeout, whose end would leave it half done, and with this
/// statement_timeout; then the session's own are back. Throws Error. A session whose own could not
/// be put back, or whose statement was cancelled from here, is closed.
Awaitable<void> run_outside(Connection& connection, std::string name, std::string sql,
                            Duration statement_timeout);

}  // namespace pgcaretaker::pg
