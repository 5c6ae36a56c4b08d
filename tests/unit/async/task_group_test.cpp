// SPDX-License-Identifier: Apache-2.0
// TaskGroup: nobody is lost, nobody is cancelled twice into thin air.
#include "async/task_group.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <stdexcept>
#include <string>

#include "async/clock.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/run.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

Awaitable<void> sleep_for_ever(int& ended) {
  struct Ending {
    int& count;
    ~Ending() { ++count; }
  };
  const Ending ending{ended};
  async::RealClock clock;
  co_await clock.sleep_for(1h);
}

Awaitable<void> end_at_once(int& ended) {
  ++ended;
  co_return;
}

Awaitable<void> fail(std::string words) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  throw std::runtime_error{words};
}

Awaitable<void> abort_itself() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  throw boost::system::system_error{asio::error::operation_aborted};
}

Awaitable<void> spawn_another(async::TaskGroup& group, int& ended, int generations) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  if (generations > 0) group.spawn("next", spawn_another(group, ended, generations - 1));
  ++ended;
}

Awaitable<void> cancel_and_join(async::TaskGroup& group) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  group.cancel_all();
  co_await group.join();
}

Awaitable<void> cancel_at_once(async::TaskGroup& group, bool throws) {
  group.cancel_all();
  if (throws) throw boost::system::system_error{asio::error::operation_aborted};
  co_return;
}

std::string words_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("an empty group is joined at once") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  test::run(loop, group.join());
  CHECK(group.size() == 0);
}

TEST_CASE("cancel_all ends every member and join waits for the last") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  for (int i = 0; i < 100; ++i)
    group.spawn("sleeper", sleep_for_ever(ended));
  CHECK(group.size() == 100);
  test::run(loop, cancel_and_join(group));
  CHECK(ended == 100);
  CHECK(group.size() == 0);
}

TEST_CASE("a member may be cancelled before it ran, and again while it unwinds") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  group.spawn("sleeper", sleep_for_ever(ended));
  group.cancel_all();
  group.cancel_all();
  test::run(loop, cancel_and_join(group));
  CHECK(ended <= 1);
  CHECK(group.size() == 0);
}

TEST_CASE("a member that cancels its own group without ever suspending still leaves it") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  group.spawn("self-cancelling", cancel_at_once(group, false));
  group.spawn("self-cancelling", cancel_at_once(group, true));
  group.spawn("not even begun", sleep_for_ever(ended));
  test::run(loop, group.join());
  CHECK(group.size() == 0);
}

TEST_CASE("members that end by themselves leave the group") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  for (int i = 0; i < 10; ++i)
    group.spawn("short", end_at_once(ended));
  test::run(loop, group.join());
  CHECK(ended == 10);
}

TEST_CASE("a member may spawn members, and join waits for those, too") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  group.spawn("first", spawn_another(group, ended, 5));
  test::run(loop, group.join());
  CHECK(ended == 6);
}

TEST_CASE("a group takes new members after cancel_all") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  group.spawn("old", sleep_for_ever(ended));
  loop.poll();
  group.cancel_all();
  int second = 0;
  group.spawn("new", end_at_once(second));
  test::run(loop, group.join());
  CHECK(ended == 1);
  CHECK(second == 1);
}

TEST_CASE("one member's failure is told with its name and stops nobody else") {
  asio::io_context loop;
  std::map<std::string, std::string> failures;
  async::TaskGroup group{loop.get_executor(), [&](const std::string& name, auto failure) {
                           failures[name] = words_of(failure);
                         }};
  int ended = 0;
  group.spawn("sleeper", sleep_for_ever(ended));
  group.spawn("first", fail("one"));
  group.spawn("second", fail("two"));
  loop.poll();
  CHECK(group.size() == 1);
  CHECK(ended == 0);
  CHECK(failures == std::map<std::string, std::string>{{"first", "one"}, {"second", "two"}});
  test::run(loop, cancel_and_join(group));
  CHECK(failures.size() == 2);
}

TEST_CASE("operation_aborted counts as a failure unless the group was cancelled") {
  asio::io_context loop;
  int failures = 0;
  async::TaskGroup group{loop.get_executor(), [&](const std::string&, const auto&) { ++failures; }};
  group.spawn("odd", abort_itself());
  test::run(loop, group.join());
  CHECK(failures == 1);
}

TEST_CASE("a failure that nobody is told of leaves the loop") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  group.spawn("failing", fail("nobody listens"));
  CHECK_THROWS_WITH(loop.run(), "nobody listens");
  CHECK(group.size() == 0);
}

TEST_CASE("several coroutines may join, and joining can be cancelled") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  async::TaskGroup joiners{loop.get_executor()};
  async::TaskGroup cancelled{loop.get_executor()};
  int ended = 0;
  group.spawn("sleeper", sleep_for_ever(ended));
  joiners.spawn("a", group.join());
  joiners.spawn("b", group.join());
  cancelled.spawn("c", group.join());
  loop.poll();
  cancelled.cancel_all();
  loop.poll();
  CHECK(cancelled.size() == 0);
  CHECK(joiners.size() == 2);
  group.cancel_all();
  test::run(loop, joiners.join());
  CHECK(group.size() == 0);
}

TEST_CASE("ten thousand starts and stops leave nothing behind") {
  asio::io_context loop;
  async::TaskGroup group{loop.get_executor()};
  int ended = 0;
  for (int round = 0; round < 1000; ++round) {
    for (int i = 0; i < 10; ++i)
      group.spawn("sleeper", sleep_for_ever(ended));
    if (round % 3 == 0) loop.poll_one();
    group.cancel_all();
    loop.restart();
    loop.poll();
  }
  test::run(loop, group.join());
  CHECK(group.size() == 0);
}

}  // namespace pgcaretaker
