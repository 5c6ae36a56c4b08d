// SPDX-License-Identifier: Apache-2.0
// run_until: work, a reason to give it up, and a cancel from outside.
#include "async/until.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <string>

#include "async/clock.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/run.hpp"
#include "unwinding.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

Awaitable<void> work_for(Duration time, bool& has_unwound) {
  const test::Unwinding unwinding{has_unwound};
  async::RealClock clock;
  co_await clock.sleep_for(time);
}

Awaitable<std::string> reason_after(Duration time, bool& has_unwound) {
  const test::Unwinding unwinding{has_unwound};
  async::RealClock clock;
  co_await clock.sleep_for(time);
  co_return std::string(64, 'r');
}

Awaitable<std::string> failing_reason() {
  async::RealClock clock;
  co_await clock.sleep_for(0ms);
  throw std::runtime_error{"cannot see"};
}

Awaitable<void> failing_work() {
  async::RealClock clock;
  co_await clock.sleep_for(0ms);
  throw std::runtime_error{"refused"};
}

}  // namespace

TEST_CASE("work that comes to its end needs no reason, and the watch is unwound") {
  asio::io_context loop;
  bool worked = false;
  bool watched = false;
  const auto stopped =
      test::run(loop, async::run_until(work_for(0ms, worked), reason_after(1h, watched)));
  CHECK_FALSE(stopped.has_value());
  CHECK(worked);
  CHECK(watched);
}

TEST_CASE("a reason ends the work, which is unwound before it is returned") {
  asio::io_context loop;
  bool worked = false;
  bool watched = false;
  const auto stopped =
      test::run(loop, async::run_until(work_for(1h, worked), reason_after(1ms, watched)));
  CHECK(stopped == std::string(64, 'r'));
  CHECK(worked);
}

TEST_CASE("what the work or the watch throws comes out, and ends the other one") {
  asio::io_context loop;
  bool unwound = false;
  CHECK_THROWS_WITH(test::run(loop, async::run_until(failing_work(), reason_after(1h, unwound))),
                    "refused");
  CHECK(unwound);
  unwound = false;
  CHECK_THROWS_WITH(test::run(loop, async::run_until(work_for(1h, unwound), failing_reason())),
                    "cannot see");
  CHECK(unwound);
}

TEST_CASE("a cancel at any await reaches the work and its watch") {
  asio::io_context loop;
  bool worked = false;
  bool watched = false;
  const auto operation = [&]() -> Awaitable<void> {
    worked = false;
    watched = false;
    co_await async::run_until(work_for(5ms, worked), reason_after(1h, watched));
  };
  test::cancel_everywhere(loop, operation, [&](const test::CancelledRound& round) {
    CHECK(worked == watched);
    if (!round.was_cancelled) CHECK_FALSE(round.failure);
  });
}

}  // namespace pgcaretaker
