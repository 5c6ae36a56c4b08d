// SPDX-License-Identifier: Apache-2.0
// Statements, parameters, typed results and refusals, as a real server gives them.
#include <doctest/doctest.h>

#include "postgres/quote.hpp"
#include "postgres/timestamp.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

/// What a statement that must fail fails with; the session must be usable afterwards.
Awaitable<pg::Error> refusal(pg::Connection& connection, std::string sql) {
  const auto failure = co_await test::failure_of(connection.query("refused", sql));
  REQUIRE_MESSAGE(failure.has_value(), sql);
  CHECK(connection.state() == pg::SessionState::ready);
  co_return *failure;
}

}  // namespace

TEST_CASE("values of every type arrive as what they are") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const pg::Result result = co_await connection->query(
        "types",
        "SELECT 'text' AS t, true AS yes, false AS no, -7 AS i, 9223372036854775807::bigint AS b,"
        " 0.1::float8 AS d, 'Infinity'::float8 AS inf, 12.50::numeric AS n,"
        " '2024-02-29 12:00:00.5+05:45'::timestamptz AS tz, '2024-02-29'::date AS day,"
        " '2024-02-29 12:00:00'::timestamp AS plain, NULL::int AS nothing, '' AS \"Odd Name\"");
    const pg::Row row = result.only_row();
    CHECK(row.text("t") == "text");
    CHECK(row.get<std::string>("Odd Name").empty());
    CHECK(row.get<bool>("yes"));
    CHECK_FALSE(row.get<bool>("no"));
    CHECK(row.get<int>("i") == -7);
    CHECK(row.get<std::int64_t>("b") == std::numeric_limits<std::int64_t>::max());
    CHECK(row.get<double>("d") == 0.1);
    CHECK(row.get<double>("inf") == std::numeric_limits<double>::infinity());
    CHECK(row.get<double>("n") == 12.5);
    const std::chrono::sys_days day{2024y / 2 / 29};
    CHECK(row.get<UtcTime>("tz") == UtcTime{day + 6h + 15min + 500ms});
    CHECK(row.get<UtcTime>("day") == UtcTime{day});
    CHECK(row.get<UtcTime>("plain") == UtcTime{day + 12h});
    CHECK(row.is_null("nothing"));
    CHECK_FALSE(row.get<std::optional<int>>("nothing").has_value());
    CHECK(row.get<std::optional<int>>("i") == -7);
    CHECK(result.columns() == 13);
    CHECK(result.type_of(3) == 23);
  });
}

TEST_CASE("values that are not what was asked for are refused by column name") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const pg::Result result = co_await connection->query(
        "types", "SELECT NULL AS nothing, 'x' AS x, 3000000000 AS big, 'infinity'::date AS never");
    const pg::Row row = result.only_row();
    CHECK_THROWS_WITH((void)row.text("nothing"), "column \"nothing\" is null");
    CHECK_THROWS_WITH((void)row.get<int>("nothing"), "column \"nothing\" is null");
    CHECK_THROWS_WITH((void)row.get<int>("x"), "column \"x\" is not a 32-bit integer: \"x\"");
    CHECK_THROWS_WITH((void)row.get<bool>("x"), "column \"x\" is not a boolean: \"x\"");
    CHECK_THROWS_WITH((void)row.get<int>("big"),
                      "column \"big\" is not a 32-bit integer: \"3000000000\"");
    CHECK_THROWS_WITH((void)row.get<UtcTime>("never"),
                      "column \"never\" is not a finite date or time: \"infinity\"");
    CHECK_THROWS_WITH((void)row.get<int>("X"), "the answer has no column \"X\"");
    const pg::Result none = co_await connection->query("none", "SELECT 1 WHERE false");
    CHECK(none.empty());
    CHECK_THROWS_WITH((void)none.only_row(),
                      "the answer has 0 rows where exactly one was expected");
  });
}

TEST_CASE("parameters come back from the server as they went, whatever they hold") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const Texts texts{"", "NULL", "a,b", "{x}", "quote\"", "back\\slash", "it's", "ä\n\t"};
    const UtcTime leap{std::chrono::sys_days{2024y / 2 / 29} + 23h + 1us};
    const UtcTime before_christ{std::chrono::sys_days{std::chrono::year{-43} / 3 / 15}};
    const std::optional<std::string> nothing;
    const std::vector<std::int64_t> numbers{1, -2, std::int64_t{1} << 62};
    const pg::Result result = co_await connection->query(
        "parameters",
        "SELECT $1::text AS t, $2::int AS i, $3::bool AS b, $4::float8 AS d, $5::timestamptz AS tz,"
        " $6::text IS NULL AS is_null, array_to_json($7::text[])::text AS texts,"
        " array_to_string($8::bigint[], '+') AS numbers, $9::date::text AS ides",
        "'; DROP TABLE x; --", -42, true, 1.0 / 3.0, leap, nothing, texts, numbers, before_christ);
    const pg::Row row = result.only_row();
    CHECK(row.text("t") == "'; DROP TABLE x; --");
    CHECK(row.get<int>("i") == -42);
    CHECK(row.get<bool>("b"));
    CHECK(row.get<double>("d") == 1.0 / 3.0);
    CHECK(row.get<UtcTime>("tz") == leap);
    CHECK(row.get<bool>("is_null"));
    CHECK(row.text("texts") == R"(["","NULL","a,b","{x}","quote\"","back\\slash","it's","ä\n\t"])");
    CHECK(row.text("numbers") == "1+-2+4611686018427387904");
    CHECK(row.text("ides") == "0044-03-15 BC");
    for (const std::string& text : texts) {
      const std::string sql = "SELECT " + pg::quote_literal(text) + " AS t";
      const pg::Result literal = co_await connection->query("literal", sql);
      CHECK(literal.only_row().text("t") == text);
    }
  });
}

TEST_CASE("the server's own timestamps are read, around the clock and the calendar") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const pg::Result result = co_await connection->query(
        "timestamps",
        "SELECT t::text AS tz, extract(epoch FROM t)::numeric(20,6)::text AS epoch FROM"
        " generate_series('0001-01-01'::timestamptz, '12000-01-01', '61 days 01:23:45.678901') t");
    REQUIRE(result.size() > 70000);
    for (const pg::Row row : result) {
      const auto time = pg::parse_timestamp(row.text("tz"));
      REQUIRE(time.has_value());
      const auto count = time->time_since_epoch().count();
      std::string epoch{row.text("epoch")};
      epoch.erase(epoch.find('.'), 1);
      if (std::stoll(epoch) != count || pg::format_timestamp(*time) != row.text("tz")) {
        FAIL(std::string{row.text("tz")});
      }
    }
  });
}

TEST_CASE("counts of affected rows are told for commands that change rows") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto affected = [&connection](std::string sql) -> Awaitable<std::int64_t> {
      const pg::Result result = co_await connection->query("affected", sql);
      co_return result.affected();
    };
    CHECK(co_await affected("CREATE TABLE public.t (a int)") == 0);
    CHECK(co_await affected("INSERT INTO public.t SELECT generate_series(1, 5)") == 5);
    CHECK(co_await affected("UPDATE public.t SET a = a + 1 WHERE a > 3") == 2);
    CHECK(co_await affected("DELETE FROM public.t WHERE a = 1 RETURNING a") == 1);
    CHECK(co_await affected("SELECT * FROM public.t") == 0);
    CHECK(co_await affected("DROP TABLE public.t") == 0);
  });
}

TEST_CASE("a refused statement throws with its SQLSTATE and leaves the session ready") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto missing = co_await refusal(*connection, "SELECT * FROM nowhere");
    CHECK(missing.is_undefined_object());
    CHECK(std::string{missing.what()} ==
          "relation \"nowhere\" does not exist (statement refused, SQLSTATE 42P01)");
    CHECK((co_await refusal(*connection, "SELECT no_such_function()")).is_undefined_object());
    CHECK((co_await refusal(*connection, "CREATE TABLE no_schema.t ()")).is_undefined_object());
    CHECK((co_await refusal(*connection, "SELEC")).sqlstate() == "42601");
    const auto denied = co_await refusal(*connection, "SELECT * FROM pg_catalog.pg_authid");
    CHECK(denied.is_insufficient_privilege());
    co_await connection->query("create", "CREATE TABLE public.t (a int PRIMARY KEY CHECK (a > 0))");
    CHECK((co_await refusal(*connection, "CREATE TABLE public.t ()")).is_duplicate_object());
    CHECK((co_await refusal(*connection, "INSERT INTO public.t VALUES (0)")).is_check_violation());
    co_await connection->query("insert", "INSERT INTO public.t VALUES (1)");
    const auto duplicate = co_await refusal(*connection, "INSERT INTO public.t VALUES (1)");
    CHECK(duplicate.sqlstate() == "23505");
    CHECK(duplicate.detail == "Key (a)=(1) already exists.");
    CHECK((co_await refusal(*connection, "SELECT $1::int")).kind() == pg::Error::Kind::refused);
    CHECK((co_await refusal(*connection, "")).kind() == pg::Error::Kind::unexpected);
    const auto two = co_await refusal(*connection, "SELECT 1; SELECT 2");
    CHECK(two.message() == "cannot insert multiple commands into a prepared statement");
  });
}

TEST_CASE("a lock timeout is told apart from a statement timeout") {
  test::Scene scene;
  scene.database.admin().execute(
      "CREATE TABLE public.t (); ALTER TABLE public.t OWNER TO pgc_owner");
  scene.database.admin().execute("BEGIN; LOCK TABLE public.t");
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    co_await connection->query("set", "SET lock_timeout = '20ms'");
    const auto locked = co_await refusal(*connection, "SELECT * FROM public.t");
    CHECK(locked.is_lock_timeout());
    CHECK(locked.is_transient());
    CHECK_FALSE(locked.is_statement_timeout());
    co_await connection->query("set", "SET statement_timeout = '20ms'");
    const auto slow = co_await refusal(*connection, "SELECT pg_sleep(10)");
    CHECK(slow.is_statement_timeout());
    CHECK(slow.kind() == pg::Error::Kind::refused);
  });
}

TEST_CASE("a hundred thousand rows and a megabyte in either direction pass") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const pg::Result many = co_await connection->query(
        "many", "SELECT n, repeat('x', 50) AS filler FROM generate_series(1, 100000) n");
    CHECK(many.size() == 100000);
    std::int64_t sum = 0;
    for (const pg::Row row : many)
      sum += row.get<int>("n");
    CHECK(sum == 5000050000);
    const std::string big(1 << 20, 'b');
    const pg::Result echo = co_await connection->query("big", "SELECT $1::text AS t", big);
    CHECK(echo.only_row().text("t") == big);
    const std::string huge(std::size_t{16} << 20, 'h');
    const pg::Result length = co_await connection->query("huge", "SELECT length($1) AS n", huge);
    CHECK(length.only_row().get<int>("n") == 1 << 24);
  });
}

TEST_CASE("a COPY closes the session instead of hanging in it") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    const auto failure =
        co_await test::failure_of(connection->query("copy", "COPY (SELECT 1) TO STDOUT"));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::unexpected);
    CHECK(connection->state() == pg::SessionState::closed);
    const auto after = co_await test::failure_of(connection->query("after", "SELECT 1"));
    REQUIRE(after.has_value());
    CHECK(after->kind() == pg::Error::Kind::connection);
    CHECK(after->statement() == "after");
  });
}

TEST_CASE("too many parameters are an error, not a lost session") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    pg::Params params;
    for (int i = 0; i < 70000; ++i)
      params.add(i);
    auto operation = connection->run("many", "SELECT 1", std::move(params));
    const auto failure = co_await test::failure_of(std::move(operation));
    REQUIRE(failure.has_value());
    CHECK(failure->kind() == pg::Error::Kind::unexpected);
    CHECK(connection->state() == pg::SessionState::ready);
  });
}

TEST_CASE("a session knows its server, its backend and its peer") {
  test::Scene scene;
  scene.run([&]() -> Awaitable<void> {
    const auto connection = co_await scene.connect();
    CHECK(connection->server_version() / 10000 == test::server_major());
    CHECK(connection->peer().starts_with('/'));
    const pg::Result result = co_await connection->query("pid", "SELECT pg_backend_pid() AS pid");
    CHECK(result.only_row().get<int>("pid") == connection->backend_pid());
  });
}

}  // namespace pgcaretaker
