// SPDX-License-Identifier: Apache-2.0
// A deadline around several steps of work, and a shield around the clean-up that follows a cancel.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::async {

/// Runs `operation` to its end or to `deadline`, whichever comes first.
/// Returns its value, or nullopt when the deadline came first; by then `operation` has been cancelled
/// (terminal) and its frame is gone. Its exceptions pass through. A cancel from outside reaches it.
/// A result that arrives together with the deadline counts as a result.
template <class T>
Awaitable<std::optional<T>> with_deadline(Awaitable<T> operation, SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, deadline};
  // The result travels in an optional: co_spawn wants default-constructible types.
  auto wrapped = [](Awaitable<T> inner) -> Awaitable<std::optional<T>> {
    std::optional<T> value{co_await std::move(inner)};
    co_return value;
  };
  auto task = wrapped(std::move(operation));
  auto [order, failure, value, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(task), asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const bool deadline_first = order[0] == 1;
  if (failure) {
    // Cancelled by us: the deadline is the news. Any other failure is the operation's own.
    if (deadline_first && !timer_error) {
      co_return std::nullopt;
    }
    std::rethrow_exception(failure);
  }
  co_return std::move(value);
}

}  // namespace pgcaretaker::async
