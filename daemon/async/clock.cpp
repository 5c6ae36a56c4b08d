// SPDX-License-Identifier: Apache-2.0
// The real clock, on Asio's steady timer.
#include "async/clock.hpp"

#include <boost/asio/steady_timer.hpp>

namespace pgcaretaker::async {

SteadyTime RealClock::now() const {
  return std::chrono::steady_clock::now();
}

UtcTime RealClock::utc_now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

Awaitable<void> RealClock::sleep_until(SteadyTime when) {
  asio::steady_timer timer{co_await asio::this_coro::executor, when};
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace pgcaretaker::async
