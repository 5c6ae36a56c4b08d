// SPDX-License-Identifier: Apache-2.0
// How a session is opened, and what every session is like afterwards.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "support/files.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

/// A PG* variable for as long as a test wants it.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_{name} {
    if (const char* const old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (old_) {
      setenv(name_, old_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

std::string port() {
  return std::getenv("PGPORT");
}

Awaitable<std::string> ask(pg::Connection& connection, std::string sql) {
  const pg::Result result = co_await connection.query("ask", "SELECT (" + sql + ")::text AS value");
  co_return result.only_row().get<std::string>("value");
}

/// Connects, asks one question, and gives the answer or the error's line.
std::string answer(test::Scene& scene, const pg::ConnectOptions& options, const std::string& sql) {
  std::string text;
  scene.run([&]() -> Awaitable<void> {
    try {
      const auto connection = co_await pg::Connection::connect(options, scene.canceller);
      text = co_await ask(*connection, sql);
    } catch (const pg::Error& error) {
      text = error.what();
    }
  });
  return text;
}

std::string tcp_dsn(const test::Scene& scene, const std::string& more) {
  return "host=127.0.0.1 port=" + port() + " dbname=" + scene.database.name() + " " + more;
}

/// A role that must give a password over TCP, unlike all others of the test cluster.
void create_secretive_role(test::Scene& scene) {
  test::Admin& admin = scene.database.admin();
  if (admin.number("SELECT count(*) FROM pg_roles WHERE rolname = 'pgc_secretive'") == 0) {
    admin.execute("CREATE ROLE pgc_secretive LOGIN PASSWORD 'open sesame'");
    test::prepend(admin.value("SHOW hba_file").value(),
                  "host all pgc_secretive 127.0.0.1/32 scram-sha-256\n");
    admin.execute("SELECT pg_reload_conf()");
  }
}

pg::ConnectOptions secretive(test::Scene& scene, const std::optional<std::string>& password) {
  pg::ConnectOptions options;
  options.database.dsn = tcp_dsn(scene, "user=pgc_secretive");
  options.purpose = "test";
  if (password) options.password = config::Secret{*password};
  return options;
}

}  // namespace

TEST_CASE("whatever server, database and role say, a session is under our discipline") {
  test::Scene scene;
  const std::string database = scene.database.name();
  scene.database.admin().execute(
      "ALTER DATABASE " + database + " SET search_path = pg_catalog, public;" + "ALTER DATABASE " +
      database + " SET statement_timeout = '1h';" + "ALTER ROLE pgc_caretaker IN DATABASE " +
      database + " SET timezone = 'Asia/Tokyo';" + "ALTER ROLE pgc_caretaker IN DATABASE " +
      database + " SET intervalstyle = 'iso_8601';" + "ALTER ROLE pgc_caretaker IN DATABASE " +
      database + " SET client_min_messages = debug1;" + "ALTER ROLE pgc_caretaker IN DATABASE " +
      database + " SET default_transaction_isolation = 'serializable';" +
      "ALTER ROLE pgc_caretaker IN DATABASE " + database +
      " SET standard_conforming_strings = off;" + "ALTER ROLE pgc_caretaker IN DATABASE " +
      database + " SET idle_session_timeout = '1s'");
  const bool limits_transactions = test::server_major() >= 17;
  if (limits_transactions) {
    scene.database.admin().execute("ALTER DATABASE " + database +
                                   " SET transaction_timeout = '1h'");
  }
  std::map<std::string, std::string> expected{{"TimeZone", "UTC"},
                                              {"DateStyle", "ISO, YMD"},
                                              {"IntervalStyle", "postgres"},
                                              {"search_path", ""},
                                              {"row_security", "off"},
                                              {"standard_conforming_strings", "on"},
                                              {"client_min_messages", "warning"},
                                              {"client_encoding", "UTF8"},
                                              {"default_transaction_isolation", "read committed"},
                                              {"statement_timeout", "20s"},
                                              {"idle_in_transaction_session_timeout", "30s"},
                                              {"idle_session_timeout", "0"},
                                              {"lock_timeout", "0"},
                                              {"application_name", "pgcaretaker/lease"},
                                              {"role", "pgc_owner"}};
  if (limits_transactions) expected.emplace("transaction_timeout", "0");
  scene.run([&]() -> Awaitable<void> {
    const auto options = scene.database.options("lease");
    const auto connection = co_await pg::Connection::connect(options, scene.canceller);
    for (const auto& pair : expected) {
      const std::string question = "current_setting('" + pair.first + "')";
      CAPTURE(question);
      CHECK(co_await ask(*connection, question) == pair.second);
    }
    CHECK(co_await ask(*connection, "current_user || ' ' || session_user") ==
          "pgc_owner pgc_caretaker");
    CHECK(co_await ask(*connection, "'2026-11-01 00:00+00'::timestamptz") ==
          "2026-11-01 00:00:00+00");
  });
}

TEST_CASE("rows that a policy hides from us are an error, not a smaller answer") {
  test::Scene scene;
  scene.database.admin().execute(
      "CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1);"
      "ALTER TABLE public.t OWNER TO pgc_owner; ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;"
      "ALTER TABLE public.t FORCE ROW LEVEL SECURITY");
  const auto text = answer(scene, scene.database.options(), "SELECT count(*) FROM public.t");
  CHECK(text.find("row-level security") != std::string::npos);
}

TEST_CASE("a role that is missing or not ours to take is refused in one line") {
  test::Scene scene;
  auto options = scene.database.options();
  options.database.role = "pgc_nobody";
  CHECK(answer(scene, options, "1") ==
        "cannot prepare the session: role \"pgc_nobody\" does not exist (SQLSTATE 22023)");
  options.database.role = "postgres";
  CHECK(answer(scene, options, "1") ==
        "cannot prepare the session: permission denied to set role \"postgres\" (SQLSTATE 42501)");
  options.database.role = "";
  CHECK(answer(scene, options, "current_user") == "pgc_caretaker");
}

TEST_CASE(
    "the string may be conninfo or URI, over a socket or TCP, or be left to the environment") {
  test::Scene scene;
  const std::string name = scene.database.name();
  pg::ConnectOptions options;
  options.purpose = "test";
  const std::string where = "current_database() || ' ' || (inet_server_addr() IS NOT NULL)::text";
  options.database.dsn = scene.database.dsn();
  CHECK(answer(scene, options, where) == name + " false");
  options.database.dsn = tcp_dsn(scene, "user=pgc_caretaker");
  CHECK(answer(scene, options, where) == name + " true");
  options.database.dsn = "postgresql://pgc_caretaker@127.0.0.1:" + port() + "/" + name;
  CHECK(answer(scene, options, where) == name + " true");
  options.database.dsn = "";
  const Variable user{"PGUSER", "pgc_caretaker"};
  const Variable database{"PGDATABASE", name};
  CHECK(answer(scene, options, where) == name + " false");
  const Variable host{"PGHOST", "127.0.0.1"};
  CHECK(answer(scene, options, where) == name + " true");
}

TEST_CASE("an application name of the string wins over ours") {
  test::Scene scene;
  auto options = scene.database.options();
  options.database.dsn += " application_name=mine";
  CHECK(answer(scene, options, "current_setting('application_name')") == "mine");
}

TEST_CASE("a password comes from the options or a password file, and no error shows it") {
  test::Scene scene;
  create_secretive_role(scene);
  CHECK(answer(scene, secretive(scene, "open sesame"), "current_user") == "pgc_secretive");
  const std::string wrong = answer(scene, secretive(scene, "close sesame"), "1");
  CHECK(wrong == "connection to server at \"127.0.0.1\", port " + port() +
                     " failed: FATAL:  password authentication failed for user \"pgc_secretive\""
                     " (SQLSTATE 28P01)");
  const std::string none = answer(scene, secretive(scene, std::nullopt), "1");
  CHECK(none.find("no password supplied") != std::string::npos);
  auto inside = secretive(scene, std::nullopt);
  inside.database.dsn += " password='half open'";
  CHECK(answer(scene, inside, "1").find("half") == std::string::npos);
  const test::TemporaryFile passwords{"127.0.0.1:*:*:pgc_secretive:open sesame\n"};
  const Variable file{"PGPASSFILE", passwords.path()};
  CHECK(answer(scene, secretive(scene, std::nullopt), "current_user") == "pgc_secretive");
}

TEST_CASE("a server without a free place says so by SQLSTATE") {
  test::Scene scene;
  scene.database.admin().execute("ALTER DATABASE " + scene.database.name() + " CONNECTION LIMIT 0");
  scene.run([&]() -> Awaitable<void> {
    const auto failure = co_await test::failure_of(scene.connect());
    REQUIRE(failure.has_value());
    CHECK(failure->is_too_many_connections());
    CHECK(failure->is_connection_lost());
    CHECK(failure->message().find("LOCATION") == std::string::npos);
    CHECK(failure->message().find("53300") == std::string::npos);
  });
}

TEST_CASE("hosts are tried in turn, and all of them are named when none will do") {
  test::Scene scene;
  auto options = scene.database.options();
  const std::string rest = " dbname=" + scene.database.name() + " user=pgc_caretaker ";
  options.database.dsn = "host=127.0.0.1,127.0.0.1 port=1," + port() + rest;
  CHECK(answer(scene, options, "inet_server_port()") == port());
  options.database.dsn = "host=127.0.0.1,127.0.0.1 port=1,2" + rest;
  CHECK(answer(scene, options, "1") ==
        "connection to server at \"127.0.0.1\", port 1 failed: Connection refused; "
        "connection to server at \"127.0.0.1\", port 2 failed: Connection refused");
  const std::string twice = "host=127.0.0.1,127.0.0.1 port=" + port() + rest;
  options.database.dsn = twice + "target_session_attrs=standby";
  CHECK(answer(scene, options, "1").find("server is not in hot standby mode") != std::string::npos);
  options.database.dsn = twice + "target_session_attrs=prefer-standby";
  CHECK(answer(scene, options, "1") == "1");
  options.database.dsn = twice + "target_session_attrs=read-write";
  CHECK(answer(scene, options, "1") == "1");
}

TEST_CASE("a string that cannot be read is told from a server that cannot be reached") {
  test::Scene scene;
  pg::ConnectOptions options;
  options.database.dsn = "host=127.0.0.1 prot=1";
  CHECK(answer(scene, options, "1") ==
        "database.dsn cannot be read: invalid connection option \"prot\"");
}

}  // namespace pgcaretaker
