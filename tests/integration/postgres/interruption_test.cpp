// SPDX-License-Identifier: Apache-2.0
// Deadlines and cancels: they come in time, and the session is usable or closed afterwards.
#include <doctest/doctest.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "async/task_group.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/scene.hpp"
#include "usable.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

long long running(test::Scene& scene) {
  return scene.database.admin().number(
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcaretaker/task' AND "
      "datname = current_database() AND state = 'active'");
}

void terminate(test::Scene& scene, const pg::Connection& connection) {
  scene.database.admin().execute("SELECT pg_terminate_backend(" +
                                 std::to_string(connection.backend_pid()) + ", 5000)");
}

/// As the login role itself, which may cancel and terminate its own sessions.
Awaitable<std::unique_ptr<pg::Connection>> connect_without_role(test::Scene& scene) {
  auto options = scene.database.options();
  options.database.role.clear();
  co_return co_await pg::Connection::connect(options, scene.canceller);
}

Awaitable<void> sleep_a_little() {
  asio::steady_timer timer{co_await asio::this_coro::executor, 20ms};
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

TEST_CASE("at its deadline a statement is cancelled on the server and the session goes on") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    for (int round = 0; round < 10; ++round) {
      connection->set_deadline(test::in(20ms));
      const SteadyTime start = std::chrono::steady_clock::now();
      const auto failure =
          co_await test::failure_of(connection->query("sleep", "SELECT pg_sleep(30)"));
      CHECK(std::chrono::steady_clock::now() - start < 2s);
      REQUIRE(failure.has_value());
      CHECK(failure->kind() == pg::Error::Kind::deadline);
      CHECK(failure->is_statement_timeout());
      CHECK(failure->statement() == "sleep");
      REQUIRE(connection->state() == pg::SessionState::ready);
      CHECK(running(scene) == 0);
      connection->set_deadline(SteadyTime::max());
      co_await test::check_usable(*connection, round);
    }
  });
}

TEST_CASE("a deadline that has passed keeps a statement from being sent at all") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    connection->set_deadline(test::in(-1ms));
    const auto failure =
        co_await test::failure_of(connection->query("create", "CREATE TABLE public.t ()"));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::deadline);
    CHECK(connection->state() == pg::SessionState::ready);
    connection->set_deadline(SteadyTime::max());
    co_await test::check_usable(*connection, 1);
  });
  CHECK(scene.database.admin().number("SELECT count(*) FROM pg_class WHERE relname = 't'") == 0);
}

TEST_CASE("an answer that meets the deadline counts, or the deadline does, and never half of it") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    for (int round = 0; round < 60; ++round) {
      connection->set_deadline(test::in(std::chrono::milliseconds{round / 10 + 1}));
      auto operation = connection->query("race", "SELECT pg_sleep(0.003)");
      const auto failure = co_await test::failure_of(std::move(operation));
      if (failure) CHECK(failure->kind() == pg::Error::Kind::deadline);
      REQUIRE(connection->state() == pg::SessionState::ready);
      connection->set_deadline(SteadyTime::max());
      co_await test::check_usable(*connection, round);
    }
  });
}

TEST_CASE("a cancel of somebody else is a refusal") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await connect_without_role(scene);
    const auto failure = co_await test::failure_of(
        connection->query("self", "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(10)"));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::refused);
    CHECK(failure->sqlstate() == "57014");
    co_await test::check_usable(*connection, 1);
  });
}

TEST_CASE("a cancel at any await of a statement leaves the session ready for the next") {
  test::Scene scene;
  std::unique_ptr<pg::Connection> connection;
  scene.run([&]() -> Awaitable<void> { connection = co_await scene.connect(); });
  const std::string big(std::size_t{1} << 21, 'b');
  const std::array<std::function<Awaitable<void>()>, 3> operations{
      [&]() -> Awaitable<void> {
        co_await connection->query("slow", "SELECT pg_sleep(0.005)");
        co_await connection->query("quick", "SELECT 1");
      },
      [&]() -> Awaitable<void> {
        co_await connection->query("big parameter", "SELECT length($1)", big);
      },
      [&]() -> Awaitable<void> {
        co_await connection->query("big result",
                                   "SELECT repeat('x', 100) FROM generate_series(1, 20000)");
      }};
  for (const auto& operation : operations) {
    const int rounds =
        test::cancel_everywhere(scene.loop, operation, [&](const test::CancelledRound& round) {
          CAPTURE(round.step);
          REQUIRE(connection->state() == pg::SessionState::ready);
          scene.run(
              [&]() -> Awaitable<void> { co_await test::check_usable(*connection, round.step); });
        });
    CHECK(rounds > 2);
  }
  CHECK(running(scene) == 0);
}

TEST_CASE("a cancelled statement is cancelled on the server, too, however long it would run") {
  test::Scene scene;
  async::TaskGroup group{scene.loop.get_executor()};
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto sleep = [&]() -> Awaitable<void> {
      co_await connection->query("sleep", "SELECT pg_sleep(30)");
    };
    for (int round = 0; round < 5; ++round) {
      group.spawn("sleeper", sleep());
      while (running(scene) == 0)
        co_await sleep_a_little();
      const SteadyTime start = std::chrono::steady_clock::now();
      group.cancel_all();
      co_await group.join();
      CHECK(std::chrono::steady_clock::now() - start < 2s);
      CHECK(connection->state() == pg::SessionState::ready);
      CHECK(running(scene) == 0);
      co_await test::check_usable(*connection, round);
    }
  });
}

TEST_CASE("a cancel at any await of connecting leaks neither session nor descriptor") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {  // whatever the first connect opens for good
    const auto connection = co_await scene.connect();
  });
  const long before = test::open_descriptors();
  std::unique_ptr<pg::Connection> connection;
  const auto operation = [&]() -> Awaitable<void> { connection = co_await scene.connect(); };
  const int rounds =
      test::cancel_everywhere(scene.loop, operation, [&](const test::CancelledRound& round) {
        CAPTURE(round.step);
        connection.reset();
        CHECK(test::open_descriptors() == before);
      });
  CHECK(rounds > 5);
  const SteadyTime deadline = test::in(10s);
  const auto sessions = [&] {
    return scene.database.admin().number(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgc_caretaker' AND datname = "
        "current_database()");
  };
  while (sessions() > 0 && std::chrono::steady_clock::now() < deadline) {
    scene.database.admin().execute("SELECT pg_sleep(0.01)");
  }
  CHECK(sessions() == 0);
}

TEST_CASE("waiting for a session's end returns at its deadline, at its end, or at a cancel") {
  test::Scene scene;
  async::TaskGroup group{scene.loop.get_executor()};
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    CHECK_FALSE(co_await connection->wait_closed(test::in(10ms)));
    co_await test::check_usable(*connection, 1);
    const auto wait = [&]() -> Awaitable<void> {
      co_await connection->wait_closed(SteadyTime::max());
    };
    group.spawn("waiting", wait());
    co_await sleep_a_little();
    CHECK(connection->state() == pg::SessionState::busy);
    group.cancel_all();
    co_await group.join();
    co_await test::check_usable(*connection, 2);
    group.spawn("waiting", wait());
    co_await sleep_a_little();
    terminate(scene, *connection);
    co_await group.join();
    CHECK(connection->state() == pg::SessionState::closed);
    CHECK(co_await connection->wait_closed(SteadyTime::max()));
    const auto failure = co_await test::failure_of(connection->query("late", "SELECT 1"));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::connection);
    CHECK(failure->message() == "terminating connection due to administrator command");
    CHECK(failure->sqlstate() == "57P01");
  });
}

TEST_CASE("a terminated session is noticed without a round trip") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    CHECK(connection->check_open());
    terminate(scene, *connection);
    CHECK_FALSE(connection->check_open());
    CHECK(connection->state() == pg::SessionState::closed);
    CHECK_FALSE(connection->check_open());
  });
}

TEST_CASE("a session that is terminated at work throws a lost connection with the server's words") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await connect_without_role(scene);
    const auto failure = co_await test::failure_of(
        connection->query("self", "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)"));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::connection);
    CHECK(failure->sqlstate() == "57P01");
    CHECK(failure->message() == "terminating connection due to administrator command");
    CHECK(connection->state() == pg::SessionState::closed);
  });
}

}  // namespace pgcaretaker
