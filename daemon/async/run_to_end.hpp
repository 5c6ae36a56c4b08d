// SPDX-License-Identifier: Apache-2.0
// The bottom of the stack: a main coroutine run to its end on a loop.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"

namespace pgcaretaker::async {

/// Runs `loop` until nothing is left to do, with `operation` as its main coroutine; returns its
/// value or throws what it threw. Blocks. Everything the operation started has ended when this
/// returns, but not when it throws.
template <class T>
T run_to_end(asio::io_context& loop, Awaitable<T> operation) {
  std::exception_ptr failure;
  std::optional<T> value;
  asio::co_spawn(loop, std::move(operation), [&](std::exception_ptr thrown, T result) {
    failure = std::move(thrown);
    value.emplace(std::move(result));
    if (failure) {
      loop.stop();  // what else runs has nobody to end it any more
    }
  });
  loop.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
  return std::move(value).value();
}

}  // namespace pgcaretaker::async
