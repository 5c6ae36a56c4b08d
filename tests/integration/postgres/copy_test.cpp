// SPDX-License-Identifier: Apache-2.0
// COPY in both directions: the whole stream, back pressure, errors on either side, cancels.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "async/clock.hpp"
#include "postgres/transaction.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/scene.hpp"
#include "usable.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

constexpr Duration stall = 5s;
constexpr const char* numbers =
    "COPY (SELECT g, repeat('x', 100) FROM generate_series(1, 30000) g) TO STDOUT";
constexpr std::int64_t numbers_rows = 30000;

struct Collected {
  std::string text;
  int pieces = 0;
  std::size_t largest = 0;

  pg::CopySink sink() {
    return [this](std::string& piece) -> Awaitable<void> {
      text += piece;
      ++pieces;
      largest = std::max(largest, piece.size());
      co_return;
    };
  }
};

/// Gives `text` in pieces of `size`.
pg::CopySource source_of(const std::string& text, std::size_t size) {
  return [&text, size, at = std::make_shared<std::size_t>(0)]() -> Awaitable<std::string_view> {
    const auto piece = std::string_view{text}.substr(std::min(*at, text.size()), size);
    *at += size;
    co_return piece;
  };
}

Awaitable<void> make_table(pg::Connection& connection) {
  co_await connection.query("create", "CREATE TABLE public.t (n int, x text)");
}

Awaitable<std::int64_t> count(pg::Connection& connection) {
  const pg::Result result =
      co_await connection.query("count", "SELECT count(*) AS n FROM public.t");
  co_return result.only_row().get<std::int64_t>("n");
}

}  // namespace

TEST_CASE("a COPY to us gives every byte in order, in pieces, and the number of rows") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    Collected collected;
    CHECK(co_await connection->copy_out("out", numbers, collected.sink(), stall) == numbers_rows);
    CHECK(collected.text.starts_with("1\txxx"));
    CHECK(std::count(collected.text.begin(), collected.text.end(), '\n') == numbers_rows);
    CHECK(collected.text.ends_with("x\n"));
    CHECK(collected.pieces >= 3);
    CHECK(collected.largest < 1200000);
    CHECK(connection->state() == pg::SessionState::ready);
    co_await test::check_usable(*connection, 1);
  });
}

TEST_CASE("what a COPY gave, a COPY takes: the rows are the same") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    co_await make_table(*connection);
    Collected collected;
    co_await connection->copy_out("out", numbers, collected.sink(), stall);
    CHECK(co_await connection->copy_in("in", "COPY public.t FROM STDIN",
                                       source_of(collected.text, 10000), stall) == numbers_rows);
    Collected again;
    co_await connection->copy_out("again", "COPY public.t TO STDOUT", again.sink(), stall);
    CHECK((again.text == collected.text));
    CHECK(co_await connection->copy_in("none", "COPY public.t FROM STDIN", source_of("", 1),
                                       stall) == 0);
    co_await test::check_usable(*connection, 2);
  });
}

TEST_CASE("while the sink takes its time, the server waits and nothing piles up here") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    async::RealClock clock;
    bool has_waited = false;
    std::size_t largest = 0;
    const auto sink = [&](std::string& piece) -> Awaitable<void> {
      largest = std::max(largest, piece.size());
      const SteadyTime latest = clock.now() + 5s;
      while (!has_waited && clock.now() < latest) {
        has_waited = scene.database.admin().number(
                         "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite' "
                         "AND datname = current_database()") == 1;
        co_await clock.sleep_for(1ms);
      }
    };
    const char* much = "COPY (SELECT repeat('y', 1000) FROM generate_series(1, 50000)) TO STDOUT";
    CHECK(co_await connection->copy_out("slow", much, sink, stall) == 50000);
    CHECK(has_waited);
    CHECK(largest < 1200000);
  });
}

TEST_CASE("one huge value passes whole") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    Collected collected;
    co_await connection->copy_out("huge", "COPY (SELECT repeat('z', 100000000)) TO STDOUT",
                                  collected.sink(), stall);
    CHECK(collected.text.size() == 100000001);
  });
}

TEST_CASE("an error of the server in the middle is a refusal, and the session goes on") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    Collected collected;
    const char* divides =
        "COPY (SELECT 1 / (g - 20000), repeat('x', 100) FROM generate_series(1, 30000) g) "
        "TO STDOUT";
    const auto failure =
        co_await test::failure_of(connection->copy_out("divide", divides, collected.sink(), stall));
    REQUIRE(failure.has_value());
    CHECK(failure->sqlstate() == "22012");
    CHECK(failure->statement() == "divide");
    CHECK(connection->state() == pg::SessionState::ready);
    co_await make_table(*connection);
    const std::string bad = "1\tx\nno number\ty\n";
    const auto refused = co_await test::failure_of(
        connection->copy_in("bad", "COPY public.t FROM STDIN", source_of(bad, 3), stall));
    REQUIRE(refused.has_value());
    CHECK(refused->sqlstate() == "22P02");
    CHECK(co_await count(*connection) == 0);
    const auto unknown = co_await test::failure_of(
        connection->copy_out("none", "COPY public.none TO STDOUT", collected.sink(), stall));
    REQUIRE(unknown.has_value());
    CHECK(unknown->is_undefined_object());
    CHECK(connection->state() == pg::SessionState::ready);
    co_await test::check_usable(*connection, 3);
  });
}

TEST_CASE("what is no COPY, or one in the other direction, is an error") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    co_await make_table(*connection);
    Collected collected;
    const auto plain =
        co_await test::failure_of(connection->copy_out("no", "SELECT 1", collected.sink(), stall));
    REQUIRE(plain.has_value());
    CHECK(plain->kind() == pg::Error::Kind::unexpected);
    CHECK(connection->state() == pg::SessionState::ready);
    const auto wrong = co_await test::failure_of(
        connection->copy_out("in", "COPY public.t FROM STDIN", collected.sink(), stall));
    REQUIRE(wrong.has_value());
    CHECK(wrong->kind() == pg::Error::Kind::unexpected);
    CHECK(connection->state() == pg::SessionState::closed);
  });
}

TEST_CASE("what the sink or the source throws comes out, and the session goes on") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    co_await make_table(*connection);
    const auto full = [](std::string&) -> Awaitable<void> {
      throw std::runtime_error{"the disk is full"};
      co_return;
    };
    bool has_thrown = false;
    try {
      co_await connection->copy_out("full", numbers, full, stall);
    } catch (const std::runtime_error& error) {
      has_thrown = std::string{error.what()} == "the disk is full";
    }
    CHECK(has_thrown);
    CHECK(connection->state() == pg::SessionState::ready);
    int calls = 0;
    const auto breaks = [&calls]() -> Awaitable<std::string_view> {
      if (++calls > 3) throw std::runtime_error{"unreadable"};
      co_return "1\tx\n";
    };
    has_thrown = false;
    try {
      co_await connection->copy_in("breaks", "COPY public.t FROM STDIN", breaks, stall);
    } catch (const std::runtime_error& error) {
      has_thrown = std::string{error.what()} == "unreadable";
    }
    CHECK(has_thrown);
    CHECK(connection->state() == pg::SessionState::ready);
    CHECK(co_await count(*connection) == 0);
  });
}

TEST_CASE("a server that falls silent in a COPY is given up after the stall, and cancelled") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    Collected collected;
    const char* silent =
        "COPY (SELECT repeat('x', 1000), CASE WHEN g > 100 THEN pg_sleep(30) END FROM "
        "generate_series(1, 200) g) TO STDOUT";
    const SteadyTime start = std::chrono::steady_clock::now();
    const auto failure =
        co_await test::failure_of(connection->copy_out("silent", silent, collected.sink(), 100ms));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::deadline);
    CHECK(std::chrono::steady_clock::now() - start < 4s);
    CHECK(connection->state() == pg::SessionState::ready);
    co_await test::check_usable(*connection, 4);
  });
}

TEST_CASE("a cancel at any await of a COPY leaves the session ready, and no row of half a COPY") {
  test::Scene scene;
  std::unique_ptr<pg::Connection> connection;
  scene.run([&]() -> Awaitable<void> {
    connection = co_await scene.connect();
    co_await make_table(*connection);
  });
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    text += "1\t" + std::string(100, 'x') + "\n";
  }
  Collected collected;
  std::array<std::function<Awaitable<void>()>, 2> operations{
      [&]() -> Awaitable<void> {
        const char* some =
            "COPY (SELECT repeat('x', 100) FROM generate_series(1, 3000) g) TO STDOUT";
        co_await connection->copy_out("out", some, collected.sink(), stall);
      },
      [&]() -> Awaitable<void> {
        const pg::TransactionOptions options;
        const auto body = [&]() -> Awaitable<void> {
          co_await connection->query("empty", "TRUNCATE public.t");
          co_await connection->copy_in("in", "COPY public.t FROM STDIN", source_of(text, 100000),
                                       stall);
        };
        co_await pg::transact(*connection, options, body);
      }};
  for (const auto& operation : operations) {
    const int rounds =
        test::cancel_everywhere(scene.loop, operation, [&](const test::CancelledRound& round) {
          CAPTURE(round.step);
          REQUIRE(connection->state() == pg::SessionState::ready);
          scene.run([&]() -> Awaitable<void> {
            co_await test::check_usable(*connection, round.step);
            const std::int64_t rows = co_await count(*connection);
            CHECK((rows == 0 || rows == 5000));
          });
          collected = Collected{};
        });
    CHECK(rounds > 5);
  }
}

TEST_CASE("a backend that is ended in the middle of a COPY is a lost connection with its reason") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto sink = [&](std::string&) -> Awaitable<void> {
      scene.database.admin().execute("SELECT pg_terminate_backend(" +
                                     std::to_string(connection->backend_pid()) + ", 5000)");
      co_return;
    };
    const char* much = "COPY (SELECT repeat('y', 1000) FROM generate_series(1, 50000)) TO STDOUT";
    const auto failure =
        co_await test::failure_of(connection->copy_out("ended", much, sink, stall));
    REQUIRE(failure.has_value());
    CHECK(failure->is_connection_lost());
    CHECK(connection->state() == pg::SessionState::closed);
  });
}

}  // namespace pgcaretaker
