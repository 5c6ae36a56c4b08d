// SPDX-License-Identifier: Apache-2.0
// Waits on the socket of a libpq connection, which stays libpq's own.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::pg {

/// Borrows a descriptor: assign() takes it, release() and the destructor give it back unclosed.
/// libpq may close its socket and open another under the same number inside PQconnectPoll,
/// PQconsumeInput, PQgetResult, PQfinish: release before a call that may, look at PQsocket after
/// it.
class SocketWatch {
 public:
  enum class Direction { read, write, both };

  explicit SocketWatch(const asio::any_io_executor& executor) : descriptor_{executor} {}
  ~SocketWatch() { release(); }
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// Throws boost::system::system_error when the descriptor cannot be watched.
  void assign(int fd);
  void release() noexcept;

  /// True when the socket is ready (`both`: for either), false when `deadline` came first. Throws
  /// system_error (operation_aborted) on cancel only. One wait at a time.
  Awaitable<bool> wait(Direction direction, SteadyTime deadline);

 private:
  asio::posix::stream_descriptor descriptor_;
};

}  // namespace pgcaretaker::pg
