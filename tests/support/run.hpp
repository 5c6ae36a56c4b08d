// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine to its end on a loop of its own; what it throws comes out here.
#pragma once

#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::test {

inline SteadyTime in(Duration time) {
  return std::chrono::steady_clock::now() + time;
}

/// Fails loudly when the loop runs dry before the coroutine ended. In a file of its own, since
/// starting a coroutine is what takes compilers longest.
void run(asio::io_context& loop, Awaitable<void> operation);

namespace detail {

template <class T>
Awaitable<void> keep(Awaitable<T> operation, std::optional<T>& value) {
  value.emplace(co_await std::move(operation));
}

}  // namespace detail

/// Returns what `operation` returns.
template <class T>
T run(asio::io_context& loop, Awaitable<T> operation) {
  std::optional<T> value;
  run(loop, detail::keep(std::move(operation), value));
  return std::move(*value);
}

}  // namespace pgcaretaker::test
