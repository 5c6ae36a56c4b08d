// SPDX-License-Identifier: Apache-2.0
// A deadline around several steps of work.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::async {

/// Runs `operation` to its end or to `deadline`, whichever comes first; false = the deadline did,
/// and by then `operation` has been cancelled (terminal) and its frame is gone. Its exceptions pass
/// through. A cancel from outside reaches it. An end or an exception of its own that arrives
/// together with the deadline counts.
Awaitable<bool> with_deadline(Awaitable<void> operation, SteadyTime deadline);

/// Same with a deadline that `operation` may move while it runs, and that outlives it. One that has
/// come nearer takes effect within a second.
Awaitable<bool> with_moving_deadline(Awaitable<void> operation, const SteadyTime& deadline);

namespace detail {

/// True for what a cancelled operation throws.
bool is_abort(const std::exception_ptr& failure);

template <class T>
Awaitable<void> keep(Awaitable<T> operation, std::optional<T>& value) {
  value.emplace(co_await std::move(operation));
}

inline Awaitable<bool> as_true(Awaitable<void> operation) {
  co_await std::move(operation);
  co_return true;
}

}  // namespace detail

/// Same for an operation with a value; nullopt = the deadline came first.
template <class T>
Awaitable<std::optional<T>> with_deadline(Awaitable<T> operation, SteadyTime deadline) {
  std::optional<T> value;
  Awaitable<void> keeping = detail::keep(std::move(operation), value);
  co_await with_deadline(std::move(keeping), deadline);
  co_return std::move(value);
}

}  // namespace pgcaretaker::async
