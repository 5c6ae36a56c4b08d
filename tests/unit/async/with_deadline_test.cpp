// SPDX-License-Identifier: Apache-2.0
// with_deadline: what counts when an operation, its deadline and a cancel meet.
#include "async/with_deadline.hpp"

#include <doctest/doctest.h>

#include <boost/asio/cancellation_signal.hpp>
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

Awaitable<std::string> word_after(Duration time, bool& has_unwound) {
  const test::Unwinding unwinding{has_unwound};
  async::RealClock clock;
  co_await clock.sleep_for(time);
  co_return std::string(64, 'w');
}

Awaitable<std::string> fail_after(Duration time) {
  async::RealClock clock;
  try {
    co_await clock.sleep_for(time);
  } catch (const boost::system::system_error&) {
    throw std::runtime_error{"failed while being cancelled"};
  }
  throw std::runtime_error{"failed by itself"};
}

Awaitable<void> nothing_after(Duration time) {
  async::RealClock clock;
  co_await clock.sleep_for(time);
}

/// Ignores the cancel: its value arrives after the deadline.
Awaitable<int> stubborn() {
  co_await asio::this_coro::throw_if_cancelled(false);
  async::RealClock clock;
  try {
    co_await clock.sleep_for(1h);
  } catch (const boost::system::system_error&) {
  }
  co_return 7;
}

}  // namespace

TEST_CASE("an operation that ends before its deadline gives its value") {
  asio::io_context loop;
  bool has_unwound = false;
  const auto word =
      test::run(loop, async::with_deadline(word_after(0ms, has_unwound), test::in(1h)));
  CHECK(word == std::string(64, 'w'));
}

TEST_CASE("at the deadline the operation is unwound before nullopt is returned") {
  asio::io_context loop;
  bool has_unwound = false;
  const SteadyTime start = std::chrono::steady_clock::now();
  const auto word =
      test::run(loop, async::with_deadline(word_after(1h, has_unwound), test::in(5ms)));
  CHECK_FALSE(word.has_value());
  CHECK(has_unwound);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE("a deadline that has passed already still ends the operation") {
  asio::io_context loop;
  bool has_unwound = false;
  CHECK_FALSE(test::run(loop, async::with_deadline(word_after(1h, has_unwound), test::in(-1h))));
  CHECK(has_unwound);
}

TEST_CASE("a deadline that is moved on while it is waited for ends nothing before") {
  asio::io_context loop;
  SteadyTime deadline = test::in(20ms);
  const SteadyTime moved = test::in(200ms);
  bool has_unwound = false;
  const auto moving = [&](Duration length) -> Awaitable<void> {
    deadline = moved;
    co_await word_after(length, has_unwound);
  };
  CHECK_FALSE(test::run(loop, async::with_moving_deadline(moving(1h), deadline)));
  CHECK(has_unwound);
  CHECK(std::chrono::steady_clock::now() >= moved);
  CHECK(test::run(loop, async::with_moving_deadline(moving(0ms), deadline)));
}

TEST_CASE("a deadline that comes nearer while it is waited for is seen soon after") {
  asio::io_context loop;
  SteadyTime deadline = test::in(1h);
  bool has_unwound = false;
  const auto hurrying = [&]() -> Awaitable<void> {
    deadline = test::in(1ms);
    co_await word_after(1h, has_unwound);
  };
  const SteadyTime start = std::chrono::steady_clock::now();
  CHECK_FALSE(test::run(loop, async::with_moving_deadline(hurrying(), deadline)));
  CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE("an endless deadline is allowed") {
  asio::io_context loop;
  bool has_unwound = false;
  CHECK(test::run(loop, async::with_deadline(word_after(1ms, has_unwound), SteadyTime::max())));
}

TEST_CASE("a value that arrives together with the deadline counts") {
  asio::io_context loop;
  CHECK(test::run(loop, async::with_deadline(stubborn(), test::in(1ms))) == 7);
}

TEST_CASE("an operation's own exception passes through, before and at the deadline") {
  asio::io_context loop;
  CHECK_THROWS_WITH(test::run(loop, async::with_deadline(fail_after(0ms), test::in(1h))),
                    "failed by itself");
  CHECK_THROWS_WITH(test::run(loop, async::with_deadline(fail_after(1h), test::in(1ms))),
                    "failed while being cancelled");
}

TEST_CASE("an operation without a value says whether it ended in time") {
  asio::io_context loop;
  CHECK(test::run(loop, async::with_deadline(nothing_after(0ms), test::in(1h))));
  CHECK_FALSE(test::run(loop, async::with_deadline(nothing_after(1h), test::in(1ms))));
}

TEST_CASE("a cancel from outside reaches the operation and is thrown as operation_aborted") {
  asio::io_context loop;
  bool has_unwound = false;
  const auto operation = [&]() -> Awaitable<void> {
    has_unwound = false;
    auto word = word_after(20ms, has_unwound);
    co_await async::with_deadline(std::move(word), test::in(1h));
  };
  int cancelled = 0;
  const int rounds = test::cancel_everywhere(loop, operation, [&](const auto& round) {
    CHECK(has_unwound);
    if (round.failure) {
      CHECK_THROWS_AS(std::rethrow_exception(round.failure), boost::system::system_error);
      ++cancelled;
    }
  });
  CHECK(cancelled >= 1);
  CHECK(cancelled < rounds);
}

}  // namespace pgcaretaker
