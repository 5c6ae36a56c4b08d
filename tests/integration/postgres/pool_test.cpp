// SPDX-License-Identifier: Apache-2.0
// The pool: places in order, sessions reused, broken ones replaced, nothing leaked.
#include "postgres/pool.hpp"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <string>
#include <vector>

#include "async/task_group.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

long long sessions(test::Scene& scene) {
  return scene.database.admin().number(
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcaretaker/task' AND "
      "datname = current_database()");
}

void wait_for_sessions(test::Scene& scene, long long wanted) {
  const SteadyTime deadline = test::in(10s);
  while (sessions(scene) != wanted && std::chrono::steady_clock::now() < deadline) {
    scene.database.admin().execute("SELECT pg_sleep(0.01)");
  }
  CHECK(sessions(scene) == wanted);
}

Awaitable<void> use(pg::Pool& pool, int number, std::vector<int>& order) {
  const pg::Loan loan = co_await pool.acquire();
  co_await loan.connection().query("use", "SELECT 1");
  order.push_back(number);
}

Awaitable<void> pause() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

struct Pooled {
  explicit Pooled(int size)
      : pool{scene.database.options(), size, scene.canceller, scene.loop.get_executor()} {}
  test::Scene scene;
  pg::Pool pool;
};

}  // namespace

TEST_CASE("a session that was given back is used again") {
  Pooled pooled{2};
  pooled.scene.run([&]() -> Awaitable<void> {
    int first = 0;
    {
      const pg::Loan loan = co_await pooled.pool.acquire();
      first = loan.connection().backend_pid();
      CHECK(pooled.pool.open() == 1);
    }
    CHECK(pooled.pool.open() == 1);
    const pg::Loan again = co_await pooled.pool.acquire();
    CHECK(again.connection().backend_pid() == first);
    CHECK(pooled.pool.open() == 1);
  });
}

TEST_CASE("a loan that is moved is given back once") {
  Pooled pooled{1};
  pooled.scene.run([&]() -> Awaitable<void> {
    pg::Loan loan = co_await pooled.pool.acquire();
    {
      const pg::Loan moved{std::move(loan)};
      co_await moved.connection().query("one", "SELECT 1");
    }
    const pg::Loan next = co_await pooled.pool.acquire();
    CHECK(pooled.pool.open() == 1);
  });
}

TEST_CASE("a session in a transaction, or closed, is not handed on; a deadline is not either") {
  Pooled pooled{1};
  pooled.scene.run([&]() -> Awaitable<void> {
    int first = 0;
    {
      const pg::Loan loan = co_await pooled.pool.acquire();
      first = loan.connection().backend_pid();
      co_await loan.connection().query("begin", "BEGIN");
    }
    CHECK(pooled.pool.open() == 0);
    {
      const pg::Loan loan = co_await pooled.pool.acquire();
      CHECK(loan.connection().backend_pid() != first);
      loan.connection().close();
    }
    CHECK(pooled.pool.open() == 0);
    {
      const pg::Loan loan = co_await pooled.pool.acquire();
      loan.connection().set_deadline(test::in(-1s));
    }
    const pg::Loan loan = co_await pooled.pool.acquire();
    co_await loan.connection().query("works", "SELECT 1");
  });
}

TEST_CASE("an idle session that was terminated meanwhile is replaced without anyone noticing") {
  Pooled pooled{1};
  pooled.scene.run([&]() -> Awaitable<void> {
    for (int round = 0; round < 5; ++round) {
      int pid = 0;
      {
        const pg::Loan loan = co_await pooled.pool.acquire();
        pid = loan.connection().backend_pid();
        co_await loan.connection().query("works", "SELECT 1");
      }
      pooled.scene.database.admin().execute("SELECT pg_terminate_backend(" + std::to_string(pid) +
                                            ", 5000)");
    }
  });
}

TEST_CASE("never more sessions than places, and waiters come in the order in which they asked") {
  Pooled pooled{2};
  std::vector<int> order;
  async::TaskGroup group{pooled.scene.loop.get_executor()};
  pooled.scene.run([&]() -> Awaitable<void> {
    {
      const pg::Loan first = co_await pooled.pool.acquire();
      const pg::Loan second = co_await pooled.pool.acquire();
      for (int i = 0; i < 20; ++i)
        group.spawn("user", use(pooled.pool, i, order));
      for (int i = 0; i < 50; ++i)
        co_await pause();
      CHECK(order.empty());
      CHECK(pooled.pool.open() == 2);
    }
    co_await group.join();
    CHECK(order.size() == 20);
    CHECK(pooled.pool.open() == 2);
    CHECK(sessions(pooled.scene) == 2);
  });
  Pooled single{1};
  order.clear();
  async::TaskGroup queue{single.scene.loop.get_executor()};
  single.scene.run([&]() -> Awaitable<void> {
    for (int i = 0; i < 20; ++i)
      queue.spawn("user", use(single.pool, i, order));
    co_await queue.join();
  });
  for (int i = 0; i < 20; ++i)
    CHECK(order.at(static_cast<std::size_t>(i)) == i);
}

TEST_CASE("a waiter that is cancelled leaves the queue, and its place is not lost") {
  Pooled pooled{1};
  std::vector<int> order;
  async::TaskGroup patient{pooled.scene.loop.get_executor()};
  async::TaskGroup cancelled{pooled.scene.loop.get_executor()};
  pooled.scene.run([&]() -> Awaitable<void> {
    {
      const pg::Loan loan = co_await pooled.pool.acquire();
      cancelled.spawn("a", use(pooled.pool, 1, order));
      patient.spawn("b", use(pooled.pool, 2, order));
      cancelled.spawn("c", use(pooled.pool, 3, order));
      patient.spawn("d", use(pooled.pool, 4, order));
      for (int i = 0; i < 5; ++i)
        co_await pause();
      cancelled.cancel_all();
      co_await cancelled.join();
    }
    co_await patient.join();
    CHECK(order == std::vector<int>{2, 4});
    std::optional<pg::Loan> held(co_await pooled.pool.acquire());
    cancelled.spawn("e", use(pooled.pool, 5, order));
    for (int i = 0; i < 5; ++i)
      co_await pause();
    held.reset();  // handed the place, and cancelled in the same breath
    cancelled.cancel_all();
    co_await cancelled.join();
    CHECK(order == std::vector<int>{2, 4});
    const pg::Loan still_there = co_await pooled.pool.acquire();
    CHECK(pooled.pool.open() == 1);
  });
}

TEST_CASE("acquiring fails as often as connecting fails, and works again afterwards") {
  test::Scene scene;
  auto options = scene.database.options();
  options.database.role = "pgc_late";
  pg::Pool pool{options, 1, scene.canceller, scene.loop.get_executor()};
  scene.run([&]() -> Awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      const auto failure = co_await test::failure_of(pool.acquire());
      REQUIRE(failure.has_value());
      CHECK(pool.open() == 0);
    }
    scene.database.admin().execute("CREATE ROLE pgc_late; GRANT pgc_late TO pgc_caretaker");
    {
      const pg::Loan loan = co_await pool.acquire();
      CHECK(loan.connection().state() == pg::SessionState::ready);
    }
    pool.close();
    scene.database.admin().execute("DROP ROLE pgc_late");
  });
}

TEST_CASE("a closed pool ends its idle sessions now and the lent ones when they come back") {
  Pooled pooled{2};
  std::vector<int> order;
  async::TaskGroup group{pooled.scene.loop.get_executor(),
                         [&](const std::string&, const auto&) { order.push_back(-1); }};
  pooled.scene.run([&]() -> Awaitable<void> {
    {
      const pg::Loan lent = co_await pooled.pool.acquire();
      { const pg::Loan idle = co_await pooled.pool.acquire(); }
      CHECK(pooled.pool.open() == 2);
      const pg::Loan second = co_await pooled.pool.acquire();
      group.spawn("waiter", use(pooled.pool, 1, order));
      for (int i = 0; i < 5; ++i)
        co_await pause();
      pooled.pool.close();
      co_await group.join();
      CHECK(order == std::vector<int>{-1});
      co_await lent.connection().query("still works", "SELECT 1");
    }
    CHECK(pooled.pool.open() == 0);
    const auto failure = co_await test::failure_of(pooled.pool.acquire());
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::connection);
  });
  wait_for_sessions(pooled.scene, 0);
}

TEST_CASE("a cancel at any await of acquire and use leaks neither place nor session") {
  Pooled pooled{1};
  std::vector<int> order;
  const auto operation = [&]() -> Awaitable<void> {
    const pg::Loan loan = co_await pooled.pool.acquire();
    co_await loan.connection().query("use", "SELECT pg_sleep(0.001)");
    loan.connection().close();  // so that every round connects anew
  };
  const auto check = [&](const test::CancelledRound& round) {
    CAPTURE(round.step);
    pooled.scene.run([&]() -> Awaitable<void> {
      const pg::Loan loan = co_await pooled.pool.acquire();
      co_await loan.connection().query("after", "SELECT 1");
      loan.connection().close();
    });
    CHECK(pooled.pool.open() == 0);
  };
  const int rounds = test::cancel_everywhere(pooled.scene.loop, operation, check);
  CHECK(rounds > 8);
  wait_for_sessions(pooled.scene, 0);
}

}  // namespace pgcaretaker
