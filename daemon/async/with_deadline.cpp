// SPDX-License-Identifier: Apache-2.0
// The operation and a timer side by side. Here and not in the header, because compilers take
// seconds for a parallel group.
#include "async/with_deadline.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

namespace pgcaretaker::async {

namespace {

/// Returns when `moment` has passed, which may move meanwhile.
Awaitable<void> wait_until_passed(const SteadyTime& moment) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  do {
    timer.expires_at(std::min(moment, std::chrono::steady_clock::now() + std::chrono::seconds{1}));
    co_await timer.async_wait(asio::use_awaitable);
  } while (std::chrono::steady_clock::now() < moment);
}

/// As with_deadline(): `timer` is an operation that ends when it is too late.
template <class Timer>
Awaitable<bool> ends_before(Awaitable<void> operation, Timer timer) {
  const auto executor = co_await asio::this_coro::executor;
  auto [order, failure, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(operation), asio::deferred), std::move(timer))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (failure) {
    // Aborted by us: the deadline is the news. Aborted by a cancel from outside: the timer was,
    // too.
    if (!timer_error && detail::is_abort(failure)) {
      co_return false;
    }
    std::rethrow_exception(failure);
  }
  co_return true;
}

}  // namespace

bool detail::is_abort(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

Awaitable<bool> with_deadline(Awaitable<void> operation, SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, deadline};
  co_return co_await ends_before(std::move(operation), timer.async_wait(asio::deferred));
}

Awaitable<bool> with_moving_deadline(Awaitable<void> operation, const SteadyTime& deadline) {
  const auto executor = co_await asio::this_coro::executor;
  Awaitable<void> passed = wait_until_passed(deadline);
  co_return co_await ends_before(std::move(operation),
                                 asio::co_spawn(executor, std::move(passed), asio::deferred));
}

}  // namespace pgcaretaker::async
