// SPDX-License-Identifier: Apache-2.0
// A condition variable for coroutines of one loop.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::async {

class Notifier {
 public:
  explicit Notifier(const asio::any_io_executor& executor) : timer_{executor, SteadyTime::max()} {}

  /// Returns after notify_all(), or early for no reason: call it in a loop around the condition.
  /// After a cancel of the coroutine it returns too, and the next co_await throws
  /// operation_aborted.
  Awaitable<void> wait() { co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable)); }

  void notify_all() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;  // never expires; cancelling it wakes every waiter
};

}  // namespace pgcaretaker::async
