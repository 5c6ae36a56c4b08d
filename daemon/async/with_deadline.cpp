// SPDX-License-Identifier: Apache-2.0
// The operation and a timer side by side. Here and not in the header, because compilers take
// seconds for a parallel group.
#include "async/with_deadline.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

namespace pgcaretaker::async {

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
  auto [order, failure, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(operation), asio::deferred),
          timer.async_wait(asio::deferred))
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

}  // namespace pgcaretaker::async
