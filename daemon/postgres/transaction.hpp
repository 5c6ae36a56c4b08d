// SPDX-License-Identifier: Apache-2.0
// A transaction that is either committed or rolled back, whatever happens inside.
#pragma once

#include <functional>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

struct TransactionOptions {
  Duration lock_timeout{0};       // SET LOCAL lock_timeout; 0 = the session's
  Duration statement_timeout{0};  // SET LOCAL statement_timeout; 0 = the session's
  /// SET LOCAL idle_in_transaction_session_timeout; 0 = the session's. Bounds how long locks
  /// outlive a client that has stopped answering.
  Duration idle_timeout{0};
  bool read_only = false;
  bool repeatable_read = false;  // one snapshot for all statements, taken by the first that reads
};

/// BEGIN, `body`, COMMIT. When body throws or is cancelled: ROLLBACK behind a shield with a bounded
/// budget (else the connection is closed), then the exception goes on. When COMMIT's answer is lost
/// the outcome is unknown: Error(connection) is thrown and the next pass finds out by looking.
/// `body` is a named lambda or function held by the caller until this returns.
Awaitable<void> transact(Connection& connection, TransactionOptions options,
                         const std::function<Awaitable<void>()>& body);

}  // namespace pgcaretaker::pg
