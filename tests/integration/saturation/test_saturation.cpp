// SPDX-License-Identifier: Apache-2.0
// Pools on a real server: full, limited, idle in transaction, waiting, seen or not seen.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>

#include "postgres/canceller.hpp"
#include "saturation/catalog.hpp"
#include "saturation/task.hpp"
#include "support/database.hpp"
#include "support/run.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;
using saturation::SaturationTask;

namespace {

/// The saturation check's own session. database.role is set: it owns tables and is no pg_monitor.
class Session {
 public:
  explicit Session(pg::ConnectOptions options)
      : connection_{run(loop_, pg::Connection::connect(std::move(options), canceller_))} {}
  pg::Connection& connection() { return *connection_; }
  task::Plan plan(SaturationTask& task, std::optional<UtcTime> as_of = std::nullopt) {
    return run(loop_, task.plan(*connection_, as_of));
  }

 private:
  asio::io_context loop_{1};
  pg::Canceller canceller_;
  std::unique_ptr<pg::Connection> connection_;
};

/// Everything in this test's own database, without delay.
config::Pool here(const TestDatabase& database, const char* name = "here") {
  config::Pool pool;
  pool.name = name;
  pool.database = database.name();
  pool.hold = 0s;
  return pool;
}

config::Saturation watching(std::initializer_list<config::Pool> pools) {
  config::Saturation settings;
  settings.pools = pools;
  return settings;
}

nlohmann::ordered_json pool_of(const task::Plan& plan, const std::string& name) {
  const auto details = plan.details.json();
  for (const auto& each : details["pools"]) {
    if (each["pool"] == name) return each;
  }
  FAIL("no pool " << name);
  return {};
}

const task::Finding* finding(const task::Plan& plan, const std::string& code) {
  for (const auto& each : plan.findings) {
    if (each.code == code) return &each;
  }
  return nullptr;
}

void create_role(Admin& admin, const std::string& name, const std::string& options = "") {
  admin.execute("DO $$ BEGIN IF to_regrole('" + name + "') IS NULL THEN CREATE ROLE " + name +
                " LOGIN " + options + "; END IF; END $$");
}

/// Polls, as nothing else tells when another session has begun to wait.
void wait_until_one_waits(Admin& onlooker) {
  while (onlooker.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                         "datname = current_database()") == 0) {
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("a server whose every slot is taken is still observed, by the session that is open") {
  TestDatabase database;
  Session session{database.options("saturation")};
  config::Pool server;
  server.name = "server";
  server.hold = 0s;
  SaturationTask watched{watching({server})};
  std::vector<std::unique_ptr<Admin>> crowd;
  CHECK_THROWS(([&] {
    for (int i = 0; i < 200; ++i)
      crowd.push_back(std::make_unique<Admin>(database.name()));
  }()));
  const auto plan = session.plan(watched);
  const auto pool = pool_of(plan, "server");
  CHECK(pool["used"] == 60);   // max_connections
  CHECK(pool["limit"] == 57);  // less superuser_reserved_connections
  CHECK(pool["ratio"].get<double>() >= 1.0);
  CHECK(pool["level"] == "critical");
  REQUIRE(finding(plan, "pool_critical") != nullptr);
  CHECK(finding(plan, "pool_critical")->severity == task::Severity::critical);
  CHECK(finding(plan, "pool_critical")->text.find("holds 60 of 57 connections (105 %): ") !=
        std::string::npos);
  CHECK(plan.steps.empty());
  CHECK(session.connection().state() == pg::SessionState::ready);
}

TEST_CASE("ordinary sessions fill exactly what ordinary roles may have") {
  TestDatabase database;
  Session session{database.options("saturation")};
  SaturationTask watched{watching({})};
  create_role(database.admin(), "pgc_crowd");
  std::vector<std::unique_ptr<Session>> crowd;
  auto options = database.options();
  options.database.dsn += " user=pgc_crowd";
  options.database.role.clear();
  try {
    for (int i = 0; i < 200; ++i)
      crowd.push_back(std::make_unique<Session>(options));
    FAIL("the server never became full");
  } catch (const pg::Error& error) {
    CHECK(error.message().find("slot") != std::string::npos);
  }
  CHECK(pool_of(session.plan(watched), "server")["ratio"] == 1.0);
}

TEST_CASE("every client session counts, our own too, and no other process of the server") {
  TestDatabase database;
  Session session{database.options("saturation")};
  SaturationTask watched{watching({here(database)})};
  const auto plan = session.plan(watched);
  CHECK(pool_of(plan, "here")["used"] == 2);  // ours and the database's Admin
  CHECK(pool_of(plan, "here")["states"]["idle"] == 1);
  CHECK(pool_of(plan, "here")["states"]["active"] == 1);
  CHECK(pool_of(plan, "server")["used"] ==
        database.admin().number(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"));
  // Looking is a transaction as well, but not one that anybody waits for.
  CHECK(pool_of(plan, "here")["oldest_transaction_seconds"].is_null());
}

TEST_CASE("a role's CONNECTION LIMIT is the limit of its pool") {
  TestDatabase database;
  create_role(database.admin(), "pgc_limited", "CONNECTION LIMIT 4");
  Session session{database.options("saturation")};
  config::Pool pool = here(database, "limited");
  pool.user = "pgc_limited";
  SaturationTask watched{watching({pool})};
  CHECK(pool_of(session.plan(watched), "limited")["ratio"] == 0.0);
  auto options = database.options();
  options.database.dsn += " user=pgc_limited";
  options.database.role.clear();
  std::vector<std::unique_ptr<Session>> crowd;
  for (int i = 0; i < 3; ++i)
    crowd.push_back(std::make_unique<Session>(options));
  const auto three = session.plan(watched);
  CHECK(pool_of(three, "limited")["limit"] == 4);
  CHECK(pool_of(three, "limited")["used"] == 3);
  CHECK(pool_of(three, "limited")["level"] == "warn");
  CHECK(finding(three, "pool_warn") != nullptr);
  crowd.push_back(std::make_unique<Session>(options));
  CHECK(pool_of(session.plan(watched), "limited")["level"] == "critical");
  crowd.clear();
  CHECK(pool_of(session.plan(watched), "server")["level"] == "ok");
}

TEST_CASE(
    "a database's CONNECTION LIMIT counts where no role has one, and a superuser's does not") {
  TestDatabase database;
  database.admin().execute("ALTER DATABASE " + database.name() + " CONNECTION LIMIT 8");
  database.admin().execute("ALTER ROLE postgres CONNECTION LIMIT 1");
  Session session{database.options("saturation")};
  config::Pool superuser = here(database, "superuser");
  superuser.user = "postgres";
  config::Pool set = here(database, "set");
  set.limit = 6;
  SaturationTask watched{watching({here(database), superuser, set})};
  const auto plan = session.plan(watched);
  CHECK(pool_of(plan, "here")["limit"] == 8);
  CHECK(pool_of(plan, "superuser")["limit"] == 8);
  CHECK(pool_of(plan, "set")["limit"] == 6);
  CHECK(pool_of(plan, "server")["limit"] == 57);
  database.admin().execute("ALTER ROLE postgres CONNECTION LIMIT -1");
}

TEST_CASE("the oldest transaction is named with its session") {
  TestDatabase database;
  Session session{database.options("saturation")};
  config::Pool pool = here(database);
  pool.limit = 4;
  SaturationTask watched{watching({pool})};
  Admin old{database.name()};
  old.execute("SET application_name = 'report'; BEGIN; SELECT pg_sleep(0.05)");
  Admin younger{database.name()};
  younger.execute("BEGIN; SELECT 1");
  Admin broken{database.name()};
  CHECK_THROWS(broken.execute("BEGIN; SELECT 1 / 0"));
  const auto plan = session.plan(watched);
  const auto found = pool_of(plan, "here");
  CHECK(found["used"] == 5);
  CHECK(found["states"]["idle_in_transaction"] == 2);
  CHECK(found["states"]["idle_in_transaction_aborted"] == 1);
  CHECK(found["oldest_transaction_seconds"].get<double>() >= 0.05);
  const auto pid = old.value("SELECT pg_backend_pid()").value();
  REQUIRE(finding(plan, "pool_critical") != nullptr);
  CHECK(finding(plan, "pool_critical")
            ->text.find("by pid " + pid + ", user postgres, application \"report\"") !=
        std::string::npos);
}

TEST_CASE("a session that waits for a lock is counted as waiting") {
  TestDatabase database;
  Session session{database.options("saturation")};
  SaturationTask watched{watching({here(database)})};
  database.admin().execute("CREATE TABLE public.t (i int)");
  CHECK(pool_of(session.plan(watched), "here")["waiting"] == 0);
  Admin holder{database.name()};
  holder.execute("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE");
  std::thread waiter{[&] { Admin{database.name()}.execute("TABLE public.t"); }};
  wait_until_one_waits(database.admin());
  const auto plan = session.plan(watched);
  holder.execute("COMMIT");
  waiter.join();
  CHECK(pool_of(plan, "here")["waiting"] == 1);
}

TEST_CASE("without pg_monitor the grant is asked for and nothing is made up") {
  TestDatabase database;
  create_role(database.admin(), "pgc_blind");
  auto options = database.options("saturation");
  options.database.dsn += " user=pgc_blind";
  options.database.role.clear();
  Session session{options};
  SaturationTask watched{watching({here(database)})};
  const auto plan = session.plan(watched);
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0].code == "needs_pg_monitor");
  CHECK(plan.findings[0].text.find("GRANT pg_monitor TO \"pgc_blind\"") != std::string::npos);
  CHECK(pool_of(plan, "server")["limit"] == 57);
  CHECK(pool_of(plan, "server")["used"].is_null());
  CHECK(pool_of(plan, "here")["level"].is_null());
  database.admin().execute("GRANT pg_monitor TO pgc_blind");
  CHECK(session.plan(watched).findings.empty());
  database.admin().execute("REVOKE pg_monitor FROM pgc_blind");
}

TEST_CASE("a level has to last from one look to the next") {
  TestDatabase database;
  Session session{database.options("saturation")};
  config::Pool pool = here(database);
  pool.limit = 2;
  pool.hold = 30s;
  SaturationTask watched{watching({pool})};
  CHECK(watched.name() == "saturation:server");
  CHECK(watched.every() == 10s);
  const UtcTime start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
  const auto first = session.plan(watched, start);
  CHECK(pool_of(first, "here")["level"] == "ok");
  CHECK(finding(first, "pool_rising") != nullptr);
  CHECK(pool_of(session.plan(watched, start + 20s), "here")["level"] == "ok");
  const auto third = session.plan(watched, start + 30s);
  CHECK(pool_of(third, "here")["level"] == "critical");
  CHECK(finding(third, "pool_rising") == nullptr);
}

TEST_CASE("slots that reserved_connections keeps are not there for ordinary roles") {
  if (server_major() < 16) return;
  Admin{"postgres"}.execute("ALTER SYSTEM SET reserved_connections = 5");
  control_server("restart");
  {
    TestDatabase database;
    Session session{database.options("saturation")};
    SaturationTask watched{watching({})};
    CHECK(pool_of(session.plan(watched), "server")["limit"] == 52);
  }
  Admin{"postgres"}.execute("ALTER SYSTEM RESET reserved_connections");
  control_server("restart");
}
