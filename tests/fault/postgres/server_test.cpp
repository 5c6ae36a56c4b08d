// SPDX-License-Identifier: Apache-2.0
// A server that ends sessions, restarts, is down, or comes back.
#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <string>

#include "async/task_group.hpp"
#include "postgres/pool.hpp"
#include "postgres/transaction.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

/// Stops the server and starts it again when the test is over, however it ends.
class Outage {
 public:
  explicit Outage(const std::string& verb) { test::control_server(verb); }
  ~Outage() {
    if (!is_over_) test::control_server("start");
  }
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;
  void end() {
    test::control_server("start");
    is_over_ = true;
  }

 private:
  bool is_over_ = false;
};

Awaitable<pg::Error> failure_of_query(pg::Connection& connection, std::string sql) {
  const auto failure = co_await test::failure_of(connection.query("query", sql));
  REQUIRE(failure.has_value());
  co_return *failure;
}

}  // namespace

TEST_CASE("a backend that is terminated while idle or at work gives the server's reason") {
  test::Scene scene;
  async::TaskGroup group{scene.loop.get_executor()};
  const auto terminate = [&](const pg::Connection& connection) {
    scene.database.admin().execute("SELECT pg_terminate_backend(" +
                                   std::to_string(connection.backend_pid()) + ", 5000)");
  };
  scene.run([&]() -> Awaitable<void> {
    const auto idle = co_await scene.connect();
    terminate(*idle);
    const auto first = co_await failure_of_query(*idle, "SELECT 1");
    CHECK(first.is_connection_lost());
    CHECK(first.message() == "terminating connection due to administrator command");
    CHECK(idle->state() == pg::SessionState::closed);

    const auto busy = co_await scene.connect();
    std::optional<pg::Error> second;
    const auto sleep = [&]() -> Awaitable<void> {
      second = co_await failure_of_query(*busy, "SELECT pg_sleep(30)");
    };
    group.spawn("busy", sleep());
    const std::string is_busy =
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid = " +
        std::to_string(busy->backend_pid());
    while (scene.database.admin().number(is_busy) == 0) {
      co_await asio::post(scene.loop, asio::use_awaitable);
    }
    terminate(*busy);
    co_await group.join();
    REQUIRE(second.has_value());
    CHECK(second->is_connection_lost());
    CHECK(second->message() == "terminating connection due to administrator command");
  });
}

TEST_CASE("a crashed server is a lost connection, not a hang") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    Outage outage{"kill"};
    const auto failure = co_await failure_of_query(*connection, "SELECT 1");
    CHECK(failure.is_connection_lost());
    CHECK(connection->state() == pg::SessionState::closed);
  });
}

TEST_CASE("while the server is down connecting fails at once, afterwards it works again") {
  test::Scene scene;
  pg::Pool pool{scene.database.options(), 2, scene.canceller, scene.loop.get_executor()};
  scene.run([&]() -> Awaitable<void> {
    {
      const pg::Loan loan = co_await pool.acquire();
      co_await loan.connection().query("before", "SELECT 1");
    }
    const auto waiting = co_await scene.connect();
    Outage outage{"stop"};
    CHECK(co_await waiting->wait_closed(test::in(5s)));
    const SteadyTime start = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) {
      const auto failure = co_await test::failure_of(pool.acquire());
      REQUIRE(failure.has_value());
      CHECK(failure->kind() == pg::Error::Kind::connection);
      CHECK(failure->message().find('\n') == std::string::npos);
      CHECK(pool.open() == 0);
    }
    CHECK(std::chrono::steady_clock::now() - start < 2s);
    outage.end();
    const pg::Loan loan = co_await pool.acquire();
    co_await loan.connection().query("after", "SELECT 1");
  });
}

TEST_CASE("a restart between two statements of a transaction loses the transaction, nothing else") {
  test::Scene scene;
  scene.database.admin().execute(
      "CREATE TABLE public.t (a int); ALTER TABLE public.t OWNER TO pgc_owner");
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> {
      co_await connection->query("insert", "INSERT INTO public.t VALUES (1)");
      test::control_server("restart");
      co_await connection->query("insert", "INSERT INTO public.t VALUES (2)");
    };
    const pg::TransactionOptions options;
    const auto failure = co_await test::failure_of(pg::transact(*connection, options, body));
    REQUIRE(failure.has_value());
    CHECK(failure->is_connection_lost());
    CHECK(failure->statement() == "insert");
    CHECK(connection->state() == pg::SessionState::closed);
    const auto again = co_await scene.connect();
    const pg::Result rows = co_await again->query("rows", "SELECT count(*) AS n FROM public.t");
    CHECK(rows.only_row().get<int>("n") == 0);
  });
}

}  // namespace pgcaretaker
