// SPDX-License-Identifier: Apache-2.0
// A network that stalls, drops and resets, at every byte and in either direction.
#include "support/gate.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <string>

#include "async/clock.hpp"
#include "async/task_group.hpp"
#include "gated.hpp"
#include "postgres/pool.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using Action = test::Gate::Action;
using Direction = test::Gate::Direction;
using test::Gated;
using test::server_port;

std::string name_of(Action action, Direction direction, std::size_t bytes) {
  constexpr std::array<const char*, 4> names{"pass", "stall", "drop", "reset"};
  return std::string{names[static_cast<std::size_t>(action)]} + " after " + std::to_string(bytes) +
         (direction == Direction::to_server ? " bytes to the server" : " bytes to the client");
}

/// The bytes that `operation` sends each way when nothing is in its way.
std::array<std::size_t, 2> traffic(Gated& gated,
                                   const std::function<Awaitable<void>()>& operation) {
  const std::size_t sent = gated.gate.passed(Direction::to_server);
  const std::size_t received = gated.gate.passed(Direction::to_client);
  gated.run(operation);
  return {gated.gate.passed(Direction::to_server) - sent,
          gated.gate.passed(Direction::to_client) - received};
}

/// Every threshold up to `bytes`, in steps.
template <class Try>
void at_thresholds(const std::array<std::size_t, 2>& bytes, std::size_t step, Try attempt) {
  for (std::size_t at = 0; at < bytes[0]; at += step)
    attempt(Direction::to_server, at);
  for (std::size_t at = 0; at < bytes[1]; at += step)
    attempt(Direction::to_client, at);
}

}  // namespace

TEST_CASE("a connection through an open gate works like any other") {
  Gated gated;
  gated.run([&]() -> Awaitable<void> {
    const auto connection = co_await gated.connect();
    const std::string big(std::size_t{1} << 20, 'b');
    const pg::Result echo = co_await connection->query("big", "SELECT $1::text AS t", big);
    CHECK(echo.only_row().text("t") == big);
    CHECK(connection->peer() == "127.0.0.1:" + std::to_string(gated.gate.port()));
  });
}

TEST_CASE("connecting ends in an error, quickly, wherever the network breaks") {
  Gated gated;
  const auto connect = [&]() -> Awaitable<void> {
    const auto connection = co_await gated.connect();
    connection->close();
  };
  const auto bytes = traffic(gated, connect);
  REQUIRE(bytes[0] > 500);
  const long before = test::open_descriptors();
  for (const Action action : {Action::drop, Action::reset}) {
    at_thresholds(bytes, 5, [&](Direction direction, std::size_t at) {
      CAPTURE(name_of(action, direction, at));
      gated.gate.act_after(direction, at, action);
      const SteadyTime start = std::chrono::steady_clock::now();
      gated.run([&]() -> Awaitable<void> {
        const auto failure = co_await test::failure_of(gated.connect());
        // The last bytes are the farewell and what a server sends that nobody waits for.
        if (!failure) {
          CHECK(at + 30 > bytes[direction == Direction::to_server ? 0 : 1]);
          co_return;
        }
        CHECK(failure->kind() == pg::Error::Kind::connection);
        CHECK_FALSE(failure->message().empty());
      });
      CHECK(std::chrono::steady_clock::now() - start < 2s);
    });
  }
  gated.gate.act(Action::pass);
  gated.run(connect);
  gated.gate.act(Action::drop);
  // The gate notices on its own loop that both ends have hung up.
  gated.run([&]() -> Awaitable<void> {
    async::RealClock clock;
    const SteadyTime latest = clock.now() + 5s;
    while (test::open_descriptors() > before && clock.now() < latest) {
      co_await clock.sleep_for(5ms);
    }
  });
  CHECK(test::open_descriptors() <= before);
}

TEST_CASE("a network that goes silent while connecting costs connect_timeout and no more") {
  Gated gated;
  const auto connect = [&]() -> Awaitable<void> {
    const auto connection = co_await gated.connect();
    connection->close();
  };
  const auto bytes = traffic(gated, connect);
  at_thresholds(bytes, 150, [&](Direction direction, std::size_t at) {
    CAPTURE(name_of(Action::stall, direction, at));
    gated.gate.act_after(direction, at, Action::stall);
    const SteadyTime start = std::chrono::steady_clock::now();
    gated.run([&]() -> Awaitable<void> {
      auto options = gated.options();
      options.database.connect_timeout = 145ms;
      const auto failure =
          co_await test::failure_of(pg::Connection::connect(options, gated.canceller));
      REQUIRE(failure.has_value());
      CHECK(failure->kind() == pg::Error::Kind::connection);
      // What was left for the last wait, which on a busy machine may be little.
      CHECK(failure->message().starts_with("127.0.0.1:" + std::to_string(gated.gate.port()) +
                                           ": no answer within 0"));
    });
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(took >= 145ms);
    // In the middle of the discipline a cancel is tried first.
    CHECK(took < 3s);
  });
}

TEST_CASE("a silent first host leaves time for the second") {
  Gated gated;
  gated.gate.act(Action::stall);
  gated.run([&]() -> Awaitable<void> {
    auto options = gated.options();
    options.database.connect_timeout = 2s;
    options.database.dsn = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(gated.gate.port()) +
                           "," + std::to_string(server_port()) +
                           " dbname=" + gated.database.name() + " user=pgc_caretaker";
    const auto connection = co_await pg::Connection::connect(options, gated.canceller);
    CHECK(connection->peer() == "127.0.0.1:" + std::to_string(server_port()));
  });
}

TEST_CASE("a statement on a network that breaks at any byte throws a lost connection at once") {
  Gated gated;
  std::unique_ptr<pg::Connection> connection;
  const auto connect = [&]() -> Awaitable<void> { connection = co_await gated.connect(); };
  const auto query = [&]() -> Awaitable<void> {
    co_await connection->query("query", "SELECT n, repeat('x', 20) FROM generate_series(1, 5) n");
  };
  gated.run(connect);
  const auto bytes = traffic(gated, query);
  for (const Action action : {Action::drop, Action::reset}) {
    at_thresholds(bytes, 7, [&](Direction direction, std::size_t at) {
      CAPTURE(name_of(action, direction, at));
      gated.gate.act(Action::pass);
      gated.run(connect);
      gated.gate.act_after(direction, at, action);
      const SteadyTime start = std::chrono::steady_clock::now();
      gated.run([&]() -> Awaitable<void> {
        const auto failure = co_await test::failure_of(query());
        REQUIRE(failure.has_value());
        CHECK(failure->is_connection_lost());
        CHECK(failure->statement() == "query");
        CHECK(connection->state() == pg::SessionState::closed);
      });
      CHECK(std::chrono::steady_clock::now() - start < 1s);
    });
  }
}

TEST_CASE("a statement on a silent network ends at its deadline, and the session is closed") {
  Gated gated;
  for (const Direction direction : {Direction::to_server, Direction::to_client}) {
    gated.run([&]() -> Awaitable<void> {
      gated.gate.act(Action::pass);
      const auto connection = co_await gated.connect();
      gated.gate.act_after(direction, 10, Action::stall);
      connection->set_deadline(test::in(100ms));
      const SteadyTime start = std::chrono::steady_clock::now();
      const auto failure = co_await test::failure_of(connection->query("query", "SELECT 1"));
      const auto took = std::chrono::steady_clock::now() - start;
      REQUIRE(failure.has_value());
      CHECK(failure->kind() == pg::Error::Kind::deadline);
      CHECK(failure->message() == "no answer within 0.1 s");
      CHECK(connection->state() == pg::SessionState::closed);
      const auto next = co_await test::failure_of(connection->query("next", "SELECT 1"));
      REQUIRE(next.has_value());
      CHECK(next->message() ==
            "the connection was closed because a statement could not be cancelled");
      CHECK(took >= 100ms);
      CHECK(took < 3s);
    });
  }
}

TEST_CASE("sending more than the network takes ends at the deadline as well") {
  Gated gated;
  gated.run([&]() -> Awaitable<void> {
    const auto connection = co_await gated.connect();
    gated.gate.act_after(Direction::to_server, 1 << 20, Action::stall);
    connection->set_deadline(test::in(2s));
    const std::string huge(std::size_t{32} << 20, 'h');
    const auto failure =
        co_await test::failure_of(connection->query("huge", "SELECT length($1)", huge));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::deadline);
    CHECK(connection->state() == pg::SessionState::closed);
  });
}

TEST_CASE("a cancel on a silent network ends within its budget") {
  Gated gated;
  async::TaskGroup group{gated.loop.get_executor()};
  gated.run([&]() -> Awaitable<void> {
    const auto connection = co_await gated.connect();
    const auto query = [&]() -> Awaitable<void> {
      co_await connection->query("sleep", "SELECT pg_sleep(30)");
    };
    gated.gate.act(Action::stall);
    group.spawn("query", query());
    while (connection->state() != pg::SessionState::busy) {
      co_await asio::post(gated.loop, asio::use_awaitable);
    }
    const SteadyTime start = std::chrono::steady_clock::now();
    group.cancel_all();
    co_await group.join();
    CHECK(std::chrono::steady_clock::now() - start < 3s);
    CHECK(connection->state() == pg::SessionState::closed);
  });
}

TEST_CASE("a canceller whose request hangs is destroyed without waiting for the network") {
  Gated gated;
  SteadyTime start;
  {
    pg::Canceller canceller;
    gated.run([&]() -> Awaitable<void> {
      const auto options = gated.options();
      const auto connection = co_await pg::Connection::connect(options, canceller);
      gated.gate.act(Action::stall);
      connection->set_deadline(test::in(20ms));
      const auto failure =
          co_await test::failure_of(connection->query("sleep", "SELECT pg_sleep(30)"));
      CHECK(failure.has_value());
    });
    start = std::chrono::steady_clock::now();
  }
  CHECK(std::chrono::steady_clock::now() - start < 2s);
}

TEST_CASE("a commit whose answer is lost throws, and what the server has is whole or nothing") {
  Gated gated;
  gated.database.admin().execute(
      "CREATE TABLE public.t (a int); ALTER TABLE public.t OWNER TO pgc_owner");
  std::unique_ptr<pg::Connection> connection;
  const auto insert = [&]() -> Awaitable<void> {
    co_await connection->query("insert", "INSERT INTO public.t VALUES (1), (2)");
  };
  bool was_lost_after_commit = false;
  bool was_lost_before_commit = false;
  for (std::size_t at = 0; at < 24; at += 4) {
    gated.gate.act(Action::pass);
    gated.database.admin().execute("TRUNCATE public.t");
    gated.run([&]() -> Awaitable<void> {
      connection = co_await gated.connect();
      const auto body = [&]() -> Awaitable<void> {
        co_await insert();
        gated.gate.act_after(at < 12 ? Direction::to_server : Direction::to_client, at % 12,
                             Action::drop);
      };
      const pg::TransactionOptions options;
      const auto failure = co_await test::failure_of(pg::transact(*connection, options, body));
      REQUIRE(failure.has_value());
      CHECK(failure->kind() == pg::Error::Kind::connection);
      CHECK(failure->statement() == "transaction.commit");
      CHECK(connection->state() == pg::SessionState::closed);
    });
    const auto rows = gated.database.admin().number("SELECT count(*) FROM public.t");
    CHECK((rows == 0 || rows == 2));
    (rows == 2 ? was_lost_after_commit : was_lost_before_commit) = true;
  }
  CHECK(was_lost_before_commit);
  CHECK(was_lost_after_commit);
}

TEST_CASE("a broken idle session is noticed by its waiter and not handed out by the pool") {
  Gated gated;
  pg::Pool pool{gated.options(), 1, gated.canceller, gated.loop.get_executor()};
  for (const Action action : {Action::drop, Action::reset}) {
    gated.run([&]() -> Awaitable<void> {
      {
        const pg::Loan loan = co_await pool.acquire();
        co_await loan.connection().query("works", "SELECT 1");
      }
      gated.gate.act(action);
      gated.gate.act(Action::pass);
      {
        const pg::Loan loan = co_await pool.acquire();
        co_await loan.connection().query("works again", "SELECT 1");
      }
      const auto connection = co_await gated.connect();
      gated.gate.act(action);
      CHECK(co_await connection->wait_closed(test::in(5s)));
      gated.gate.act(Action::pass);
    });
  }
}

}  // namespace pgcaretaker
