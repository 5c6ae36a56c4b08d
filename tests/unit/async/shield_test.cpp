// SPDX-License-Identifier: Apache-2.0
// shield: clean-up is reached by no cancel, and no cancel is lost to it.
#include "async/shield.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/run.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

using Steps = std::vector<std::string>;

Awaitable<void> pause() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

Awaitable<int> work(Steps& steps, bool fails) {
  co_await pause();
  co_await pause();
  co_await pause();
  if (fails) throw std::runtime_error{"the work failed"};
  steps.emplace_back("worked");
  co_return 5;
}

Awaitable<void> clean(Steps& steps) {
  steps.emplace_back("cleaning");
  async::RealClock clock;
  co_await pause();
  co_await clock.sleep_for(1ms);
  co_await pause();
  steps.emplace_back("clean");
}

Awaitable<void> clean_for_ever(Steps& steps) {
  steps.emplace_back("cleaning");
  async::RealClock clock;
  co_await clock.sleep_for(1h);
  steps.emplace_back("clean");
}

Awaitable<void> clean_badly(Steps& steps) {
  co_await clean(steps);
  throw std::logic_error{"the clean-up failed"};
}

}  // namespace

TEST_CASE("work that ends well is not cleaned up after") {
  asio::io_context loop;
  Steps steps;
  const auto clean_up = [&] { return clean(steps); };
  CHECK(test::run(loop, async::shield(work(steps, false), clean_up, 1s)) == 5);
  CHECK(steps == Steps{"worked"});
}

TEST_CASE("the clean-up runs before the exception of the work goes on") {
  asio::io_context loop;
  Steps steps;
  const auto clean_up = [&] { return clean(steps); };
  CHECK_THROWS_WITH(test::run(loop, async::shield(work(steps, true), clean_up, 1s)),
                    "the work failed");
  CHECK(steps == Steps{"cleaning", "clean"});
}

TEST_CASE("what the clean-up throws never hides why it was needed") {
  asio::io_context loop;
  Steps steps;
  const auto clean_up = [&] { return clean_badly(steps); };
  CHECK_THROWS_WITH(test::run(loop, async::shield(work(steps, true), clean_up, 1s)),
                    "the work failed");
}

TEST_CASE("a clean-up that takes too long is cut off") {
  asio::io_context loop;
  Steps steps;
  const auto clean_up = [&] { return clean_for_ever(steps); };
  CHECK_THROWS_WITH(test::run(loop, async::shield(work(steps, true), clean_up, 5ms)),
                    "the work failed");
  CHECK(steps == Steps{"cleaning"});
}

TEST_CASE("a cancel at any await leaves the work done or cleaned up, and is felt afterwards") {
  asio::io_context loop;
  Steps steps;
  bool went_on = false;
  const auto clean_up = [&] { return clean(steps); };
  const auto operation = [&]() -> Awaitable<void> {
    steps.clear();
    went_on = false;
    try {
      Awaitable<int> job = work(steps, false);
      co_await async::shield(std::move(job), clean_up, 1s);
    } catch (const boost::system::system_error&) {
      steps.emplace_back("caught");
    }
    co_await pause();
    went_on = true;
  };
  int cleaned = 0;
  test::cancel_everywhere(loop, operation, [&](const auto&) {
    if (steps == Steps{"worked"}) return;
    CHECK(steps == Steps{"cleaning", "clean", "caught"});
    CHECK_FALSE(went_on);
    ++cleaned;
  });
  CHECK(cleaned >= 2);
}

TEST_CASE("a cancel during the clean-up does not reach it and is felt afterwards") {
  asio::io_context loop;
  Steps steps;
  bool went_on = false;
  const auto clean_up = [&] { return clean(steps); };
  const auto operation = [&]() -> Awaitable<void> {
    steps.clear();
    went_on = false;
    try {
      Awaitable<int> job = work(steps, true);
      co_await async::shield(std::move(job), clean_up, 1s);
    } catch (const std::exception&) {
      steps.emplace_back("caught");
    }
    async::RealClock clock;
    co_await clock.sleep_for(20ms);
    went_on = true;
  };
  int stopped = 0;
  const int rounds = test::cancel_everywhere(loop, operation, [&](const auto&) {
    CHECK(steps == Steps{"cleaning", "clean", "caught"});
    stopped += went_on ? 0 : 1;
  });
  // Of all rounds only the last, uncancelled ones may go on: those in which the final sleep is
  // over.
  CHECK(rounds > 6);
  CHECK(stopped >= rounds - 3);
}

TEST_CASE("a second cancel while cleaning up after the first changes nothing") {
  asio::io_context loop;
  Steps steps;
  asio::cancellation_signal signal;
  std::exception_ptr failure;
  const auto clean_up = [&]() -> Awaitable<void> {
    signal.emit(asio::cancellation_type::terminal);
    co_await clean(steps);
  };
  asio::co_spawn(loop, async::shield(work(steps, false), clean_up, 1s),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&](std::exception_ptr thrown, int) { failure = thrown; }));
  signal.emit(asio::cancellation_type::terminal);
  loop.run();
  CHECK(steps == Steps{"cleaning", "clean"});
  CHECK(failure != nullptr);
}

}  // namespace pgcaretaker
