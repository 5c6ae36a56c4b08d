// SPDX-License-Identifier: Apache-2.0
// Statements that come again and again: prepared once, and whatever happens to that, answered.
#include <doctest/doctest.h>

#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

constexpr std::string_view twice = "SELECT 2 * $1::int4 AS answer";

Awaitable<int> ask(pg::Connection& connection, std::string_view sql, int number) {
  const pg::Result result = co_await connection.query_again("again.twice", sql, number);
  co_return result.only_row().get<int>("answer");
}

Awaitable<std::int64_t> prepared(pg::Connection& connection) {
  const pg::Result result = co_await connection.query(
      "count", "SELECT count(*)::int8 AS number FROM pg_catalog.pg_prepared_statements");
  co_return result.only_row().get<std::int64_t>("number");
}

}  // namespace

TEST_CASE("a statement that comes again is prepared the second time") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    CHECK(co_await ask(*connection, twice, 1) == 2);
    CHECK(co_await prepared(*connection) == 0);
    CHECK(co_await ask(*connection, twice, 2) == 4);
    CHECK(co_await prepared(*connection) == 1);
    CHECK(co_await ask(*connection, twice, 3) == 6);
    CHECK(co_await prepared(*connection) == 1);
    CHECK(connection->state() == pg::SessionState::ready);
  });
}

TEST_CASE("a session that was told to forget what it had prepared still answers") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    for (int i = 0; i < 3; ++i) {
      CHECK(co_await ask(*connection, twice, i) == 2 * i);
    }
    co_await connection->query("forget", "DEALLOCATE ALL");
    CHECK(co_await ask(*connection, twice, 21) == 42);
    CHECK(co_await ask(*connection, twice, 4) == 8);
    CHECK(co_await prepared(*connection) == 1);
  });
}

TEST_CASE("a session that knows something else by this name still answers") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    co_await connection->query("left over",
                               "PREPARE \"again.twice\" (int4) AS SELECT 7 * $1 AS answer");
    for (int i = 0; i < 4; ++i) {
      CHECK(co_await ask(*connection, twice, i) == 2 * i);
    }
    constexpr std::string_view thrice = "SELECT 3 * $1::int4 AS answer";
    for (int i = 0; i < 4; ++i) {
      CHECK(co_await ask(*connection, thrice, i) == 3 * i);
    }
  });
}

TEST_CASE("a prepared statement that is refused says its name and leaves the session ready") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    constexpr std::string_view share = "SELECT 12 / $1::int4 AS answer";
    for (int i = 0; i < 3; ++i) {
      CHECK(co_await ask(*connection, share, 4) == 3);
    }
    const auto failure = co_await test::failure_of(ask(*connection, share, 0));
    REQUIRE(failure.has_value());
    CHECK(failure->sqlstate() == "22012");
    CHECK(failure->statement() == "again.twice");
    CHECK(connection->state() == pg::SessionState::ready);
    CHECK(co_await ask(*connection, share, 3) == 4);
  });
}

TEST_CASE("a statement that cannot even be prepared is refused as ever") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    for (int i = 0; i < 3; ++i) {
      const auto failure = co_await test::failure_of(ask(*connection, "SELECT nothing($1)", i));
      REQUIRE(failure.has_value());
      CHECK(failure->sqlstate() == "42883");
      CHECK(connection->state() == pg::SessionState::ready);
    }
  });
}

}  // namespace pgcaretaker
