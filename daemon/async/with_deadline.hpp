// SPDX-License-Identifier: Apache-2.0
// A deadline around several steps of work.
#pragma once

#include <algorithm>
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

namespace detail {

/// True for what a cancelled operation throws.
inline bool is_abort(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

/// The result travels in an optional: co_spawn wants default-constructible types.
template <class T>
Awaitable<std::optional<T>> in_optional(Awaitable<T> operation) {
  std::optional<T> value{co_await std::move(operation)};
  co_return value;
}

inline Awaitable<bool> as_true(Awaitable<void> operation) {
  co_await std::move(operation);
  co_return true;
}

/// Returns when `moment` has passed, which may move meanwhile: a nearer one is seen a second late.
inline Awaitable<void> wait_until_passed(const SteadyTime& moment) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  do {
    timer.expires_at(std::min(moment, std::chrono::steady_clock::now() + std::chrono::seconds{1}));
    co_await timer.async_wait(asio::use_awaitable);
  } while (std::chrono::steady_clock::now() < moment);
}

/// As with_deadline().
template <class T, class Timer>
Awaitable<std::optional<T>> first_of(Awaitable<T> operation, Timer timer) {
  const auto executor = co_await asio::this_coro::executor;
  auto task = in_optional(std::move(operation));
  auto [order, failure, value, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(task), asio::deferred), std::move(timer))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (failure) {
    // Aborted by us: the deadline is the news. Aborted by a cancel from outside: the timer was,
    // too.
    if (!timer_error && is_abort(failure)) {
      co_return std::nullopt;
    }
    std::rethrow_exception(failure);
  }
  co_return std::move(value);
}

}  // namespace detail

/// Runs `operation` to its end or to `deadline`, whichever comes first.
/// Returns its value, or nullopt when the deadline came first; by then `operation` has been
/// cancelled (terminal) and its frame is gone. Its exceptions pass through. A cancel from outside
/// reaches it. A result or an exception of its own that arrives together with the deadline counts.
template <class T>
Awaitable<std::optional<T>> with_deadline(Awaitable<T> operation, SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, deadline};
  co_return co_await detail::first_of(std::move(operation), timer.async_wait(asio::deferred));
}

/// Same with a deadline that `operation` may move while it runs, and that outlives it. One that has
/// come nearer takes effect within a second.
template <class T>
Awaitable<std::optional<T>> with_moving_deadline(Awaitable<T> operation,
                                                 const SteadyTime& deadline) {
  const auto executor = co_await asio::this_coro::executor;
  auto passed = detail::wait_until_passed(deadline);
  co_return co_await detail::first_of(std::move(operation),
                                      asio::co_spawn(executor, std::move(passed), asio::deferred));
}

/// Same for an operation without a value; false = the deadline came first.
inline Awaitable<bool> with_deadline(Awaitable<void> operation, SteadyTime deadline) {
  const auto finished = co_await with_deadline(detail::as_true(std::move(operation)), deadline);
  co_return finished.has_value();
}

}  // namespace pgcaretaker::async
