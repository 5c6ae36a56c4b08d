// SPDX-License-Identifier: Apache-2.0
// A few sessions for one purpose, opened when needed, handed to one user at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

class Pool;

/// A session on loan. Destroyed: a `ready` session goes back, any other is dropped.
class Loan {
 public:
  Loan(Loan&& other) noexcept;
  Loan& operator=(Loan&&) = delete;
  ~Loan();
  [[nodiscard]] Connection& connection() const { return *connection_; }

 private:
  friend class Pool;
  Loan(Pool& pool, std::unique_ptr<Connection> connection);
  Pool* pool_;
  std::unique_ptr<Connection> connection_;
};

class Pool {
 public:
  /// At most `size` sessions at once. The pool outlives its loans (asserted).
  Pool(ConnectOptions options, int size, Canceller& canceller, asio::any_io_executor executor);
  ~Pool();
  Pool(const Pool&) = delete;

  /// Waits for a free place, then reuses an idle session (checked for breakage without a round
  /// trip) or opens one. Throws Error(connection) when none can be opened; waits are in order.
  Awaitable<Loan> acquire();

  /// The same without waiting for a place: nullopt when none is free, or others wait for one.
  Awaitable<std::optional<Loan>> try_acquire();

  /// Drops idle sessions now and the lent ones when they come back.
  void close() noexcept;

  [[nodiscard]] int open() const noexcept;     // sessions open now, idle and lent
  [[nodiscard]] int waiting() const noexcept;  // callers of acquire() that wait for a place

 private:
  friend class Loan;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcaretaker::pg
