// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine to its end on a loop of its own; what it throws comes out here.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "async/awaitable.hpp"

namespace pgcaretaker::test {

/// Returns what `operation` returns. Fails loudly when the loop runs dry before the coroutine
/// ended.
template <class T>
T run(asio::io_context& loop, Awaitable<T> operation) {
  std::exception_ptr failure;
  std::optional<T> value;
  bool ended = false;
  asio::co_spawn(loop, std::move(operation), [&](std::exception_ptr thrown, T result) {
    failure = thrown;
    value.emplace(std::move(result));
    ended = true;
    loop.stop();  // other coroutines of the loop may go on for ever
  });
  loop.restart();
  loop.run();
  loop.restart();
  loop.poll();
  if (failure) {
    std::rethrow_exception(failure);
  }
  if (!ended) {
    throw std::logic_error("the loop ran dry before the coroutine ended");
  }
  return std::move(*value);
}

inline void run(asio::io_context& loop, Awaitable<void> operation) {
  std::exception_ptr failure;
  bool ended = false;
  asio::co_spawn(loop, std::move(operation), [&](std::exception_ptr thrown) {
    failure = thrown;
    ended = true;
    loop.stop();  // other coroutines of the loop may go on for ever
  });
  loop.restart();
  loop.run();
  loop.restart();
  loop.poll();
  if (failure) {
    std::rethrow_exception(failure);
  }
  if (!ended) {
    throw std::logic_error("the loop ran dry before the coroutine ended");
  }
}

}  // namespace pgcaretaker::test
