// SPDX-License-Identifier: Apache-2.0
// Work that is given up as soon as something else gives a reason to.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/with_deadline.hpp"

namespace pgcaretaker::async {

/// Runs `operation` and `reason` side by side. nullopt: `operation` came to its end, and `reason`
/// has been cancelled. Otherwise what `reason` returned first; `operation` has been cancelled
/// (terminal) then. Neither frame is left. What either throws of its own cancels the other and
/// passes through; a cancel from outside reaches both. An end of `operation` that comes together
/// with a reason counts.
template <class R>
Awaitable<std::optional<R>> run_until(Awaitable<void> operation, Awaitable<R> reason) {
  const auto executor = co_await asio::this_coro::executor;
  std::optional<R> found;
  Awaitable<void> watch = detail::keep(std::move(reason), found);
  auto [order, work_failure, watch_failure] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(operation), asio::deferred),
          asio::co_spawn(executor, std::move(watch), asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  std::optional<R> given;
  if (work_failure) {
    if (!detail::is_abort(work_failure)) std::rethrow_exception(work_failure);
    if (watch_failure && !detail::is_abort(watch_failure)) std::rethrow_exception(watch_failure);
    if (watch_failure || !found) std::rethrow_exception(work_failure);
    given = std::move(found);
  }
  co_return given;
}

}  // namespace pgcaretaker::async
