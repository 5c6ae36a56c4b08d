// SPDX-License-Identifier: Apache-2.0
// Transactions: committed whole or not at all, and nothing of them is left in the session.
#include "postgres/transaction.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "support/cancel_everywhere.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

void create_table(test::Scene& scene) {
  scene.database.admin().execute(
      "CREATE TABLE public.t (a int PRIMARY KEY); ALTER TABLE public.t OWNER TO pgc_owner");
}

long long rows(test::Scene& scene) {
  return scene.database.admin().number("SELECT count(*) FROM public.t");
}

Awaitable<void> insert(pg::Connection& connection, int value) {
  co_await connection.query("insert", "INSERT INTO public.t VALUES ($1)", value);
}

Awaitable<std::string> show(pg::Connection& connection, std::string setting) {
  const pg::Result result =
      co_await connection.query("show", "SELECT current_setting($1) AS value", setting);
  co_return result.only_row().get<std::string>("value");
}

Awaitable<void> transact(pg::Connection& connection, const std::function<Awaitable<void>()>& body) {
  const pg::TransactionOptions options;
  co_await pg::transact(connection, options, body);
}

}  // namespace

TEST_CASE("what the body did is there after the commit and not before") {
  test::Scene scene;
  create_table(scene);
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> {
      co_await insert(*connection, 1);
      co_await insert(*connection, 2);
      CHECK(connection->state() == pg::SessionState::busy);
      CHECK(rows(scene) == 0);
    };
    co_await transact(*connection, body);
    CHECK(connection->state() == pg::SessionState::ready);
    CHECK(rows(scene) == 2);
  });
}

TEST_CASE("an exception of the body rolls back and goes on") {
  test::Scene scene;
  create_table(scene);
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> {
      co_await insert(*connection, 1);
      throw std::runtime_error{"changed my mind"};
    };
    try {
      co_await transact(*connection, body);
      FAIL("nothing thrown");
    } catch (const std::runtime_error& error) {
      CHECK(std::string{error.what()} == "changed my mind");
    }
    CHECK(connection->state() == pg::SessionState::ready);
    co_await insert(*connection, 7);
    CHECK(rows(scene) == 1);
  });
}

TEST_CASE("a refused statement rolls back, even when the body swallows the error") {
  test::Scene scene;
  create_table(scene);
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto refused = [&]() -> Awaitable<void> {
      co_await insert(*connection, 1);
      co_await insert(*connection, 1);
    };
    const auto first = co_await test::failure_of(transact(*connection, refused));
    REQUIRE(first.has_value());
    CHECK(first->sqlstate() == "23505");
    const auto swallowing = [&]() -> Awaitable<void> {
      co_await insert(*connection, 1);
      CHECK((co_await test::failure_of(insert(*connection, 1))).has_value());
    };
    const auto second = co_await test::failure_of(transact(*connection, swallowing));
    REQUIRE(second.has_value());
    CHECK(second->message() == "a statement failed, so there is nothing to commit");
    CHECK(connection->state() == pg::SessionState::ready);
    CHECK(rows(scene) == 0);
  });
}

TEST_CASE("a refusal at the commit itself is thrown and nothing is left") {
  test::Scene scene;
  create_table(scene);
  scene.database.admin().execute(
      "CREATE TABLE public.child (a int REFERENCES public.t DEFERRABLE INITIALLY DEFERRED);"
      "ALTER TABLE public.child OWNER TO pgc_owner");
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> {
      co_await connection->query("orphan", "INSERT INTO public.child VALUES (1)");
    };
    const auto failure = co_await test::failure_of(transact(*connection, body));
    REQUIRE(failure.has_value());
    CHECK(failure->sqlstate() == "23503");
    CHECK(failure->statement() == "transaction.commit");
    CHECK(connection->state() == pg::SessionState::ready);
  });
}

TEST_CASE("a body that ends the transaction by itself is found out") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> { co_await connection->query("commit", "COMMIT"); };
    const auto failure = co_await test::failure_of(transact(*connection, body));
    REQUIRE(failure.has_value());
    CHECK(failure->message() == "the transaction was ended by its own statements");
    CHECK(connection->state() == pg::SessionState::ready);
  });
}

TEST_CASE("timeouts and read-only hold inside of the transaction only") {
  test::Scene scene;
  create_table(scene);
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    pg::TransactionOptions options;
    options.lock_timeout = 123ms;
    options.statement_timeout = 45678ms;
    options.idle_timeout = 7890ms;
    options.read_only = true;
    const auto body = [&]() -> Awaitable<void> {
      CHECK(co_await show(*connection, "lock_timeout") == "123ms");
      CHECK(co_await show(*connection, "statement_timeout") == "45678ms");
      CHECK(co_await show(*connection, "idle_in_transaction_session_timeout") == "7890ms");
      co_await insert(*connection, 1);
    };
    const auto failure = co_await test::failure_of(pg::transact(*connection, options, body));
    REQUIRE(failure.has_value());
    CHECK(failure->sqlstate() == "25006");
    CHECK(co_await show(*connection, "lock_timeout") == "0");
    CHECK(co_await show(*connection, "statement_timeout") == "20s");
    CHECK(co_await show(*connection, "transaction_read_only") == "off");
  });
}

TEST_CASE("a role that is read-only by default can still write in a transaction of ours") {
  test::Scene scene;
  create_table(scene);
  scene.database.admin().execute("ALTER DATABASE " + scene.database.name() +
                                 " SET default_transaction_read_only = on");
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> { co_await insert(*connection, 1); };
    co_await transact(*connection, body);
    CHECK(rows(scene) == 1);
  });
}

TEST_CASE("a transaction may allow its statements more time than the session does") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    auto options = scene.database.options();
    options.database.connect_timeout = 5s;
    options.database.statement_timeout = 50ms;
    const auto connection = co_await pg::Connection::connect(options, scene.canceller);
    pg::TransactionOptions transaction;
    transaction.statement_timeout = 10s;
    const auto body = [&]() -> Awaitable<void> {
      // Longer than the session's timeout and the client's margin of 2 s together.
      co_await connection->query("sleep", "SELECT pg_sleep(2.3)");
    };
    co_await pg::transact(*connection, transaction, body);
    CHECK(connection->state() == pg::SessionState::ready);
  });
}

TEST_CASE("a deadline inside of a transaction rolls it back and leaves the session ready") {
  test::Scene scene;
  create_table(scene);
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> {
      co_await insert(*connection, 1);
      connection->set_deadline(test::in(50ms));
      co_await connection->query("sleep", "SELECT pg_sleep(30)");
    };
    const auto failure = co_await test::failure_of(transact(*connection, body));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::deadline);
    CHECK(connection->state() == pg::SessionState::ready);
    connection->set_deadline(SteadyTime::max());
    co_await insert(*connection, 7);
    CHECK(rows(scene) == 1);
  });
}

TEST_CASE("a cancel at any await commits everything or nothing and leaves the session usable") {
  test::Scene scene;
  create_table(scene);
  std::unique_ptr<pg::Connection> connection;
  scene.run([&]() -> Awaitable<void> { connection = co_await scene.connect(); });
  const auto body = [&]() -> Awaitable<void> {
    co_await insert(*connection, 1);
    co_await insert(*connection, 2);
  };
  const auto operation = [&]() -> Awaitable<void> { co_await transact(*connection, body); };
  const auto check = [&](const test::CancelledRound& round) {
    CAPTURE(round.step);
    CHECK(connection->state() == pg::SessionState::ready);
    const auto found = rows(scene);
    CHECK((found == 0 || found == 2));
    if (!round.failure) CHECK(found == 2);
    scene.run(
        [&]() -> Awaitable<void> { co_await connection->query("after", "TRUNCATE public.t"); });
  };
  const int rounds = test::cancel_everywhere(scene.loop, operation, check);
  CHECK(rounds > 8);
}

TEST_CASE("a transaction whose backend is killed throws a lost connection and is not there") {
  test::Scene scene;
  create_table(scene);
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto body = [&]() -> Awaitable<void> {
      co_await insert(*connection, 1);
      scene.database.admin().execute("SELECT pg_terminate_backend(" +
                                     std::to_string(connection->backend_pid()) + ", 5000)");
    };
    const auto failure = co_await test::failure_of(transact(*connection, body));
    REQUIRE(failure.has_value());
    CHECK(failure->is_connection_lost());
    CHECK(failure->statement() == "transaction.commit");
    CHECK(connection->state() == pg::SessionState::closed);
    CHECK(rows(scene) == 0);
  });
}

}  // namespace pgcaretaker
