// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments of `once`: nothing is lost, nothing is left half done, the next
// converges.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "support/database.hpp"
#include "support/process.hpp"

using namespace pgcaretaker;
using namespace std::chrono_literals;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int kills = 40;  // every process takes several times as long
#else
constexpr int kills = 200;
#endif

constexpr int rows_per_month = 50;

struct World {
  World() {
    database.admin().execute(
        "CREATE SCHEMA audit AUTHORIZATION pgc_owner;"
        "SET ROLE pgc_owner;"
        "CREATE TABLE audit.events (id bigint, at timestamptz, PRIMARY KEY (id, at))"
        "  PARTITION BY RANGE (at);"
        "CREATE TABLE audit.events_default PARTITION OF audit.events DEFAULT;"
        "CREATE TABLE audit.box (id bigint PRIMARY KEY, done_at timestamptz);"
        "RESET ROLE");
    config = directory.write("pgcaretaker.toml", "[database]\ndsn = \"" + database.dsn() +
                                                     "\"\nrole = \"pgc_owner\"\n" + sections);
  }

  /// Expired months to drop, the months ahead missing, finished and pending outbox rows.
  void arrange() {
    auto& admin = database.admin();
    admin.execute(
        "SET ROLE pgc_owner;"
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT inhrelid::regclass FROM pg_inherits "
        "WHERE inhparent = 'audit.events'::regclass AND inhrelid <> "
        "'audit.events_default'::regclass"
        " LOOP EXECUTE 'DROP TABLE ' || name; END LOOP; END $$;"
        "DO $$ DECLARE month timestamptz; BEGIN FOR month IN SELECT generate_series("
        "timestamptz '2024-01-01 00:00+00', timestamptz '2024-04-01 00:00+00', interval '1 month')"
        " LOOP EXECUTE format('CREATE TABLE audit.events_y%s PARTITION OF audit.events FOR VALUES "
        "FROM (%L) TO (%L)', to_char(month, 'YYYY\"m\"MM'), month, month + interval '1 month');"
        " END LOOP; END $$;"
        "DO $$ DECLARE month timestamptz := date_trunc('month', now()) - interval '2 months'; BEGIN"
        " EXECUTE format('CREATE TABLE audit.events_kept PARTITION OF audit.events FOR VALUES "
        "FROM (%L) TO (%L)', month, month + interval '1 month'); END $$;"
        "RESET ROLE");
    const std::string count = std::to_string(rows_per_month);
    admin.execute(
        "INSERT INTO audit.events SELECT g, month + interval '3 days' FROM generate_series(1, " +
        count +
        ") g, generate_series(timestamptz '2024-01-01 00:00+00', '2024-04-01 00:00+00', "
        "'1 month') month;"
        "INSERT INTO audit.events SELECT g, date_trunc('month', now()) - interval '50 days' "
        "FROM generate_series(1, " +
        count +
        ") g;"
        "TRUNCATE audit.box; INSERT INTO audit.box SELECT g, CASE WHEN g % 2 = 0 THEN now() - "
        "interval '30 days' END FROM generate_series(1, 2000) g");
  }

  int run(const std::string& command) {
    test::Process process{{command, "-c", config}, directory.path("output")};
    return process.wait();
  }

  void run_and_kill_after(std::chrono::microseconds time) {
    test::Process process{{"once", "-c", config}, directory.path("output")};
    std::this_thread::sleep_for(time);  // the random moment, not a synchronisation
    process.signal(SIGKILL);
    process.wait();
  }

  void check_nothing_lost() {
    auto& admin = database.admin();
    CHECK(admin.number("SELECT count(*) FROM audit.events WHERE at > '2025-01-01'") ==
          rows_per_month);
    // A month is there with all its rows, or gone.
    CHECK(admin.number("SELECT count(*) FROM (SELECT 1 FROM audit.events WHERE at < '2025-01-01' "
                       "GROUP BY date_trunc('month', at) HAVING count(*) <> " +
                       std::to_string(rows_per_month) + ") AS partly") == 0);
    CHECK(admin.number("SELECT count(*) FROM audit.box WHERE done_at IS NULL") == 1000);
  }

  /// Every table of the schema is a parent, a partition, the outbox, or on its way out: detached
  /// with a marker by which the next run knows it.
  void check_no_orphan(bool may_be_on_its_way) {
    auto& admin = database.admin();
    const std::string unmarked = may_be_on_its_way ? " AND coalesce(obj_description(c.oid, "
                                                     "'pg_class'), '') NOT LIKE 'pgcaretaker: {%'"
                                                   : "";
    CHECK(admin.number("SELECT count(*) FROM pg_class c WHERE relnamespace = 'audit'::regnamespace "
                       "AND relkind IN ('r', 'p') AND relname NOT IN ('events', 'box') AND NOT "
                       "relispartition" +
                       unmarked) == 0);
    CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 0);
  }

  static constexpr const char* sections =
      "[http]\nlisten = \"127.0.0.1:0\"\n"
      "[[partition]]\ntable = \"audit.events\"\nretention = \"365 days\"\nexpire = \"drop\"\n"
      "[[outbox]]\ntable = \"audit.box\"\npending = \"done_at IS NULL\"\n"
      "pending_since = \"now()\"\n"
      "[outbox.done]\nwhere = \"done_at IS NOT NULL\"\nsince = \"done_at\"\nkeep = \"7 days\"\n";

  test::TemporaryDirectory directory;
  test::TestDatabase database;
  std::string config;
};

}  // namespace

TEST_CASE_FIXTURE(World,
                  "kill -9 at any moment of once loses nothing, and the next once converges") {
  arrange();
  const auto start = std::chrono::steady_clock::now();
  REQUIRE_MESSAGE(run("once") == 0, directory.read("output"));
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::minstd_rand generator{seed};
  std::uniform_int_distribution<std::int64_t> moment{0, whole.count()};
  for (int i = 0; i < kills; ++i) {
    CAPTURE(i);
    arrange();
    run_and_kill_after(std::chrono::microseconds{moment(generator)});
    check_nothing_lost();
    check_no_orphan(true);
    // The killed session may live for a moment and hold the lease: that is 75, and not an error.
    int status = run("once");
    while (status == 75) {
      status = run("once");
    }
    CHECK_MESSAGE(status == 0, directory.read("output"));
    CHECK_MESSAGE(run("plan") == 0, directory.read("output"));
    check_nothing_lost();
    check_no_orphan(false);
  }
}

TEST_CASE_FIXTURE(World, "once stops acting when its lease is gone, and says so") {
  arrange();
  auto& admin = database.admin();
  // The first step waits for this lock; meanwhile the session that holds the lease is ended.
  admin.execute("BEGIN; LOCK TABLE audit.events IN SHARE UPDATE EXCLUSIVE MODE");
  test::Process process{{"once", "-c", config, "--set", "partition.0.lock_timeout=10s"},
                        directory.path("output")};
  test::Admin onlooker{database.name()};
  while (onlooker.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                         "application_name = 'pgcaretaker/task' AND datname = "
                         "current_database()") == 0) {
    std::this_thread::yield();
  }
  onlooker.execute(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = "
      "'pgcaretaker/lease' AND datname = current_database()");
  admin.execute("COMMIT");
  CHECK_MESSAGE(process.wait() == 69, directory.read("output"));
  CHECK(admin.number("SELECT count(*) FROM audit.events WHERE at < '2025-01-01'") ==
        4 * rows_per_month);
  CHECK(admin.number("SELECT count(*) FROM audit.box") == 2000);
}
