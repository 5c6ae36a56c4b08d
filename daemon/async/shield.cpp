// SPDX-License-Identifier: Apache-2.0
// The clean-up as a coroutine of its own, which knows of no cancel.
#include "async/shield.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

namespace pgcaretaker::async {

Awaitable<void> detail::run_unreachable(Awaitable<void> clean_up, Duration budget) {
  const auto executor = co_await asio::this_coro::executor;
  const SteadyTime deadline = std::chrono::steady_clock::now() + budget;
  Awaitable<bool> bounded = with_deadline(std::move(clean_up), deadline);
  try {
    co_await asio::co_spawn(
        executor, std::move(bounded),
        asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
  } catch (...) {
    // The failure that made the clean-up necessary is what the caller has to hear of.
  }
}

}  // namespace pgcaretaker::async
