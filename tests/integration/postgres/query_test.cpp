// SPDX-License-Identifier: Apache-2.0
// Statements, parameters and typed results against a real server.
#include <doctest/doctest.h>

#include "postgres/canceller.hpp"
#include "postgres/connection.hpp"
#include "postgres/pool.hpp"
#include "postgres/transaction.hpp"
#include "support/database.hpp"
#include "support/run.hpp"

namespace pgcaretaker {

namespace {

Awaitable<void> smoke(pg::ConnectOptions options, pg::Canceller& canceller) {
  const auto executor = co_await asio::this_coro::executor;
  const auto connection = co_await pg::Connection::connect(options, canceller);
  const pg::Result one = co_await connection->query("one", "SELECT $1::int + 1 AS n", 41);
  CHECK(one.only_row().get<int>("n") == 42);
  pg::Pool pool(options, 1, canceller, executor);
  {
    const pg::Loan loan = co_await pool.acquire();
    const auto body = [&loan]() -> Awaitable<void> {
      co_await loan.connection().query("create", "CREATE TABLE public.t (a text)");
      co_await loan.connection().query("insert", "INSERT INTO public.t VALUES ($1)", "x");
    };
    pg::TransactionOptions transaction;
    co_await pg::transact(loan.connection(), transaction, body);
    CHECK(loan.connection().state() == pg::SessionState::ready);
  }
  CHECK(pool.open() == 1);
  pool.close();
}

}  // namespace

TEST_CASE("smoke") {
  test::TestDatabase database;
  asio::io_context loop;
  pg::Canceller canceller;
  test::run(loop, smoke(database.options(), canceller));
  CHECK(database.admin().number("SELECT count(*) FROM public.t") == 1);
}

}  // namespace pgcaretaker
