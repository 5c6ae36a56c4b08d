// SPDX-License-Identifier: Apache-2.0
// Clean-up that a cancel cannot interrupt, after work that failed or was cancelled.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "async/with_deadline.hpp"

namespace pgcaretaker::async {

namespace detail {

/// Runs `clean_up` beyond the reach of cancels, at most for `budget`. Call with throw_if_cancelled
/// off: the clean-up is a coroutine of its own without a cancellation slot, so the caller's cancel
/// state is neither used nor changed, and a cancel that comes meanwhile is kept.
Awaitable<void> run_unreachable(Awaitable<void> clean_up, Duration budget);

}  // namespace detail

/// Runs `work`. When it throws, a cancel included, `clean_up()` (a callable that returns
/// Awaitable<void>) runs before the exception goes on: no cancel reaches it, and it is cancelled
/// when it takes longer than `budget`. What the clean-up throws is dropped: it must leave things
/// safe by itself. A cancel that came before or meanwhile is felt by the caller's next co_await.
template <class T, class CleanUp>
Awaitable<T> shield(Awaitable<T> work, CleanUp clean_up, Duration budget) {
  std::exception_ptr failure;
  std::optional<T> value;
  try {
    value.emplace(co_await std::move(work));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    Awaitable<void> cleaning = clean_up();
    co_await detail::run_unreachable(std::move(cleaning), budget);
    co_await asio::this_coro::throw_if_cancelled(throws);
    std::rethrow_exception(failure);
  }
  co_return std::move(*value);
}

/// Same for work without a value.
template <class CleanUp>
Awaitable<void> shield(Awaitable<void> work, CleanUp clean_up, Duration budget) {
  co_await shield(detail::as_true(std::move(work)), std::move(clean_up), budget);
}

}  // namespace pgcaretaker::async
