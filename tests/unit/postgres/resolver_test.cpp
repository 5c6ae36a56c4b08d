// SPDX-License-Identifier: Apache-2.0
// Names become addresses beside the loop, and one that hangs is left behind.
#include "postgres/resolver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "async/task_group.hpp"
#include "postgres/error.hpp"
#include "support/hanging_names.hpp"
#include "support/run.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<std::string>;

SteadyTime in(Duration time) {
  return std::chrono::steady_clock::now() + time;
}

/// The addresses, or the error's line alone.
Awaitable<Addresses> outcome(pg::Resolver& resolver, std::string host, SteadyTime deadline) {
  try {
    co_return co_await resolver.resolve(host, deadline);
  } catch (const pg::Error& error) {
    CHECK(error.kind() == pg::Error::Kind::connection);
    co_return Addresses(1, error.what());
  }
}

Awaitable<void> count_turns(int& turns) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  while (true) {
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::use_awaitable);
    ++turns;
  }
}

}  // namespace

TEST_CASE("localhost is found, a name that is nobody's is one clear line") {
  asio::io_context loop;
  pg::Resolver resolver{&pg::look_up};
  const Addresses found = test::run(loop, outcome(resolver, "localhost", in(10s)));
  CHECK(std::ranges::count(found, "127.0.0.1") + std::ranges::count(found, "::1") ==
        static_cast<long>(found.size()));
  const Addresses none = test::run(loop, outcome(resolver, "no-such-host.invalid", in(10s)));
  REQUIRE(none.size() == 1);
  CHECK(none[0].starts_with("cannot resolve host \"no-such-host.invalid\": "));
}

TEST_CASE("while a name service hangs the loop turns, and the deadline is kept") {
  test::HangingNames names;
  asio::io_context loop;
  pg::Resolver resolver{names.look_up()};
  async::TaskGroup group{loop.get_executor()};
  int turns = 0;
  group.spawn("turns", count_turns(turns));
  const SteadyTime start = std::chrono::steady_clock::now();
  CHECK(test::run(loop, outcome(resolver, "dead1", in(200ms))) ==
        Addresses{"cannot resolve host \"dead1\": no answer of the name service within 0.2 s"});
  CHECK(std::chrono::steady_clock::now() - start < 2s);
  CHECK(turns > 10);
  group.cancel_all();
  const auto end = [&]() -> Awaitable<void> { co_await group.join(); };
  test::run(loop, end());
}

TEST_CASE("a name that hangs delays no other, and is not asked for twice at a time") {
  test::HangingNames names;
  asio::io_context loop;
  pg::Resolver resolver{names.look_up()};
  for (int attempt = 0; attempt < 3; ++attempt) {
    test::run(loop, outcome(resolver, "dead1", in(20ms)));
  }
  const Addresses found = test::run(loop, outcome(resolver, "localhost", in(10s)));
  CHECK(std::ranges::count(found, "127.0.0.1") + std::ranges::count(found, "::1") > 0);
  CHECK(names.begun() == 2);
}

TEST_CASE("a cancel and the end of everything do not wait for a look-up that hangs") {
  test::HangingNames names;
  const SteadyTime start = std::chrono::steady_clock::now();
  {
    asio::io_context loop;
    pg::Resolver resolver{names.look_up()};
    async::TaskGroup group{loop.get_executor()};
    const auto wait = [&]() -> Awaitable<void> { co_await resolver.resolve("dead1", in(1h)); };
    group.spawn("waiting", wait());
    while (names.begun() == 0)
      loop.poll();
    group.cancel_all();
    const auto end = [&]() -> Awaitable<void> { co_await group.join(); };
    test::run(loop, end());
  }
  CHECK(std::chrono::steady_clock::now() - start < 2s);
}

}  // namespace pgcaretaker
