// SPDX-License-Identifier: Apache-2.0
// TestSignal: silent without a listener, complete and in order with one.
#include "async/test_signal.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "async/task_group.hpp"
#include "support/run.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

Awaitable<void> signal_soon(async::TestSignal<std::string>& signal) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, 2ms};
  co_await timer.async_wait(asio::use_awaitable);
  signal.signal("soon");
}

}  // namespace

TEST_CASE("a signal nobody listens to does nothing") {
  async::TestSignal<std::string> signal;
  signal.signal("into the void");
}

TEST_CASE("signals are kept in order until they are taken") {
  asio::io_context loop;
  async::TestSignal<std::string> signal;
  signal.listen(loop.get_executor());
  signal.signal("first");
  signal.signal("second");
  CHECK(test::run(loop, signal.next(test::in(1h))) == "first");
  CHECK(test::run(loop, signal.next(test::in(1h))) == "second");
}

TEST_CASE("a wait ends with the signal or with its deadline") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  async::TestSignal<std::string> signal;
  signal.listen(loop.get_executor());
  group.spawn("signaller", signal_soon(signal));
  CHECK(test::run(loop, signal.next(test::in(1h))) == "soon");
  CHECK_FALSE(test::run(loop, signal.next(test::in(1ms))));
}

}  // namespace pgcaretaker
