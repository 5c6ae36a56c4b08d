// SPDX-License-Identifier: Apache-2.0
// Who else holds locks on a live table in real life: backups, maintenance, a second daemon.
#include <sys/types.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <thread>

#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;
using task::Applied;

namespace {

/// January's partition with rows enough to keep somebody busy, expired in November.
struct World {
  World() {
    create_events(database.admin());
    create_default(database.admin());
    keeper.once(events(), january);
    database.admin().execute(
        "INSERT INTO public.events SELECT g, '2026-01-20', repeat('x', 400) "
        "FROM generate_series(1, 5000) AS g");
  }

  /// Until a session so described is older than a lock_timeout.
  void wait_for(const std::string& condition) {
    const std::string sql =
        "SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE granted AND "
        "relation = 'public.events_y2026m01'::regclass AND clock_timestamp() - xact_start > "
        "interval '100ms' AND " +
        condition;
    while (database.admin().number(sql) == 0) {
    }
  }

  /// The drop of January's partition, tried once.
  Applied try_drop() {
    const task::Plan plan = keeper.plan(impatient(), november);
    return keeper.chain(impatient(), plan, "public.events_y2026m01");
  }

  void check_yielded(std::string_view words) {
    const Applied applied = try_drop();
    CHECK(applied.kind == Applied::Kind::yielded);
    REQUIRE(codes(applied.findings) == Words{"lock_timeout"});
    INFO(applied.findings[0].text);
    CHECK(contains(applied.findings[0].text, words));
    CHECK(names(database.admin())[1] == "events_y2026m01");
  }

  void check_drops() {
    CHECK(try_drop().kind == Applied::Kind::done);
    CHECK(names(database.admin())[1] != "events_y2026m01");
  }

  TestDatabase database;
  Keeper keeper{database.options()};
};

/// A superuser's statement under way in another session; cancelled at the end.
class Busy {
 public:
  Busy(TestDatabase& database, std::vector<std::string> statements)
      : admin_{database.admin()}, session_{database.name()}, thread_{[this, statements] {
          try {
            for (const std::string& statement : statements) {
              session_.execute(statement);
            }
          } catch (const std::runtime_error&) {
            // Cancelled.
          }
        }} {}
  Busy(const Busy&) = delete;
  ~Busy() { thread_.join(); }

  void cancel(const std::string& condition) {
    admin_.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE " + condition);
  }

 private:
  Admin& admin_;
  Admin session_;
  std::thread thread_;
};

}  // namespace

TEST_CASE_FIXTURE(World, "a backup under way is not disturbed: what would lock it out waits") {
  if (server_major() != 15) {
    MESSAGE("pg_dump of this version is not at hand");
    return;
  }
  // Nobody reads what it writes, so it goes on for ever.
  const std::string command = "pg_dump " + database.name();
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> dump{popen(command.c_str(), "r"), pclose};
  REQUIRE(dump);
  wait_for("application_name = 'pg_dump'");
  check_yielded("application pg_dump) holds public.events");
  while (std::fgetc(dump.get()) != EOF) {
  }
  check_drops();
}

TEST_CASE_FIXTURE(World, "a VACUUM under way is let finish") {
  Busy busy{database,
            {"SET vacuum_cost_delay = '100ms'", "SET vacuum_cost_limit = 1",
             "VACUUM (FREEZE) public.events_y2026m01"}};
  wait_for("query LIKE 'VACUUM%'");
  check_yielded("query: VACUUM (FREEZE) public.events_y2026m01");
  busy.cancel("query LIKE 'VACUUM%'");
  while (database.admin().number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                 "'VACUUM%' AND state = 'active'") != 0) {
  }
  check_drops();
}

TEST_CASE_FIXTURE(World, "an autovacuum to prevent wraparound is let finish, and named") {
  Admin& admin = database.admin();
  admin.execute(
      "ALTER TABLE public.events_y2026m01 SET (autovacuum_freeze_max_age = 100000, "
      "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)");
  admin.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'");
  admin.execute("SELECT pg_reload_conf()");
  admin.execute(
      "DO $$ BEGIN FOR i IN 1..101000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
  wait_for("query LIKE 'autovacuum:%(to prevent wraparound)'");
  check_yielded("public.events_y2026m01 (to prevent wraparound)");
  admin.execute("ALTER SYSTEM RESET autovacuum_naptime");
  admin.execute("SELECT pg_reload_conf()");
  CHECK(admin.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'autovacuum:%"
                     "(to prevent wraparound)'") == 1);
}

TEST_CASE_FIXTURE(World, "a prepared transaction is named by its identifier") {
  Admin forgetful{database.name()};
  forgetful.execute("BEGIN; SELECT count(*) FROM public.events");
  forgetful.execute("PREPARE TRANSACTION 'forgotten order'");
  check_yielded("prepared transaction \"forgotten order\"");
  forgetful.execute("ROLLBACK PREPARED 'forgotten order'");
  check_drops();
}

TEST_CASE("two daemons at the same table at the same time do its work once") {
  TestDatabase database;
  create_events(database.admin());
  create_default(database.admin());
  Keeper{database.options()}.once(events(), january);
  config::Partition settings = short_lived_events();
  settings.ahead = 12;
  std::vector<int> done(2, 0);
  const auto daemon = [&](std::size_t which) {
    Keeper keeper{database.options()};
    for (const Applied& applied : keeper.once(settings, november)) {
      if (applied.kind == Applied::Kind::done) ++done[which];
    }
  };
  std::thread one{daemon, 0};
  std::thread other{daemon, 1};
  one.join();
  other.join();
  Keeper keeper{database.options()};
  CHECK(keeper.plan(settings, november).steps.empty());
  CHECK(names(database.admin()).size() == 14);
  CHECK(done[0] + done[1] == 13 + 2);
}
