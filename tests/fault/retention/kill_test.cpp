// SPDX-License-Identifier: Apache-2.0
// The session is killed before and after every statement of a retirement: the next passes come to
// the same end as if nothing had happened.
#include <atomic>
#include <filesystem>
#include <thread>

#include "archive/location.hpp"
#include "archive/store.hpp"
#include "integration/partition/partition_fixture.hpp"
#include "partition/steps.hpp"
#include "support/process.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;
using task::Step;

namespace {

/// audit.events with an old partition to retire and two to keep, 50 rows in each; guarded by
/// triggers, and with a foreign key to audit.zones.
struct Scene {
  bool concurrent = false;  // no default, and the foreign key is the partition's own
  config::Expire expire = config::Expire::drop;
  TestDatabase database;
  Admin& admin = database.admin();
  TemporaryDirectory directory;
  std::shared_ptr<archive::Workplace> place = std::make_shared<archive::Workplace>();
  std::string old_rows;
  std::string kept_rows;
  static constexpr const char* kept = "(SELECT * FROM audit.events WHERE at > '2026-01-01')";

  void arrange() {
    place->settings.directory = directory.path("archive");
    std::filesystem::remove_all(place->settings.directory);
    std::filesystem::create_directory(place->settings.directory);
    const std::string key = concurrent ? "" : " REFERENCES audit.zones";
    admin.execute(
        // The role we act in may not end its login's sessions.
        "CREATE OR REPLACE FUNCTION public.die() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS "
        "'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())';"
        "SET client_min_messages = warning; DROP SCHEMA IF EXISTS audit CASCADE;"
        "CREATE SCHEMA audit AUTHORIZATION pgc_owner; SET ROLE pgc_owner;"
        "CREATE TABLE audit.zones (id bigint PRIMARY KEY); INSERT INTO audit.zones VALUES (1);"
        "CREATE TABLE audit.events (id bigint, at timestamptz NOT NULL, zone bigint" +
        key +
        ", PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''append only''; END';"
        "CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON audit.events FOR EACH ROW "
        "EXECUTE FUNCTION audit.refuse();"
        "ALTER TABLE audit.events ENABLE ALWAYS TRIGGER no_change;"
        "CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.events FOR EACH STATEMENT "
        "EXECUTE FUNCTION audit.refuse();"
        "CREATE TABLE audit.old PARTITION OF audit.events FOR VALUES FROM "
        "('2024-01-01 00:00+00') TO ('2024-02-01 00:00+00');"
        "CREATE TABLE audit.october PARTITION OF audit.events FOR VALUES FROM "
        "('2026-10-01 00:00+00') TO ('2026-11-01 00:00+00');"
        "CREATE TABLE audit.november PARTITION OF audit.events FOR VALUES FROM "
        "('2026-11-01 00:00+00') TO ('2026-12-01 00:00+00');"
        "COMMENT ON TABLE audit.old IS 'it''s January';"
        "GRANT SELECT ON audit.old TO pgc_caretaker;" +
        std::string{concurrent ? "ALTER TABLE audit.old ADD FOREIGN KEY (zone) REFERENCES "
                                 "audit.zones;"
                               : "CREATE TABLE audit.events_default PARTITION OF audit.events "
                                 "DEFAULT;"} +
        "RESET ROLE;"
        "INSERT INTO audit.events SELECT g, month, 1 FROM generate_series(1, 50) AS g, (VALUES "
        "(timestamptz '2024-01-05'), ('2026-10-05'), ('2026-11-05')) AS months (month)");
    old_rows = contents(admin, "audit.old");
    kept_rows = contents(admin, kept);
  }

  [[nodiscard]] config::Partition settings() const {
    config::Partition settings = short_lived_events();
    settings.table = {"audit", "events"};
    settings.ahead = 0;
    settings.expire = expire;
    return settings;
  }

  /// As a pass does it: nothing goes on behind a step that was not done.
  void pass() {
    Keeper keeper{database.options(), place};
    for (const Step& step : keeper.plan(settings(), november).steps) {
      if (keeper.apply(settings(), step).kind != Applied::Kind::done) break;
    }
  }

  void converge() {
    for (int passes = 0;; ++passes) {
      REQUIRE(passes < 4);
      Keeper keeper{database.options(), place};
      const task::Plan plan = keeper.plan(settings(), november);
      if (plan.steps.empty()) {
        CHECK(codes(plan.findings) == Words{});
        break;
      }
      pass();
    }
  }

  [[nodiscard]] bool is_old_there() {
    return admin.value("SELECT to_regclass('audit.old')").has_value();
  }

  void check_nothing_lost(bool may_be_gone) {
    CHECK(contents(admin, kept) == kept_rows);
    CHECK(admin.number("SELECT count(*) FROM audit.zones") == 1);
    if (!may_be_gone) {
      REQUIRE(is_old_there());
      CHECK(contents(admin, "audit.old") == old_rows);
    }
  }

  void check_end() {
    check_nothing_lost(expire != config::Expire::detach);
    CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 0);
    CHECK(is_old_there() == (expire == config::Expire::detach));
    if (expire == config::Expire::archive) check_archive();
    CHECK(admin.column("SELECT relname FROM pg_class WHERE relnamespace = 'audit'::regnamespace "
                       "AND relkind = 'r' AND NOT relispartition AND relname NOT IN ('old', "
                       "'zones')") == Words{});
    if (expire == config::Expire::detach) check_guards();
  }

  /// One, whole, with every row; nothing half beside it.
  void check_archive() {
    const auto all = archive::list(place->settings.directory);
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].manifest);
    CHECK(all[0].manifest->rows == 50);
    for (const auto& entry :
         std::filesystem::directory_iterator{place->settings.directory + "/audit.events"}) {
      CHECK_FALSE(entry.path().filename().string().starts_with(archive::partial_prefix));
    }
  }

  void check_guards() {
    CHECK(admin.value("SELECT relispartition FROM pg_class WHERE oid = 'audit.old'::regclass") ==
          "f");
    CHECK(admin.column("SELECT tgname || tgenabled::text FROM pg_trigger WHERE tgrelid = "
                       "'audit.old'::regclass AND NOT tgisinternal ORDER BY 1") ==
          Words{"no_changeA", "no_truncateO"});
    CHECK_THROWS(admin.execute("DELETE FROM audit.old"));
    CHECK(admin.value("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = "
                      "'audit.old'::regclass") == "t");
    CHECK(admin.number("SELECT count(*) FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = "
                       "'audit.old'::regclass AND g.grantee <> c.relowner") == 0);
    CHECK(admin.value("SELECT substr(obj_description('audit.old'::regclass), 14)::json ->> "
                      "'comment'") == "it's January");
    CHECK(admin.value("SELECT substr(obj_description('audit.old'::regclass), 14)::json ->> "
                      "'state'") == "detached");
  }
};

/// Dies before its statement `at`; behind its last one, dies before COMMIT.
Step killed_at(Step step, std::size_t at) {
  task::Statement kill;
  kill.name = "test.kill";
  kill.sql = "SELECT public.die()";
  step.statements.insert(step.statements.begin() + static_cast<std::ptrdiff_t>(at), kill);
  return step;
}

bool runs_outside(const Step& step) {
  return step.statements.front().name == partition::statement::detach_concurrently;
}

/// Every step up to `last` is done; then the session dies in it. Returns false when there is no
/// such place.
bool kill_at(Scene& scene, std::size_t last, std::size_t statement) {
  scene.arrange();
  Keeper keeper{scene.database.options(), scene.place};
  const task::Plan plan = keeper.plan(scene.settings(), november);
  REQUIRE(last < plan.steps.size());
  for (std::size_t i = 0; i < last; ++i) {
    REQUIRE(keeper.apply(scene.settings(), plan.steps[i]).kind == Applied::Kind::done);
  }
  const Step& step = plan.steps[last];
  if (statement > step.statements.size() || (runs_outside(step) && statement > 0)) return false;
  CAPTURE(step.action);
  if (!runs_outside(step)) {
    CHECK_THROWS_AS(keeper.apply(scene.settings(), killed_at(step, statement)), pg::Error);
    CHECK(keeper.connection().state() == pg::SessionState::closed);
  }
  scene.check_nothing_lost(false);
  scene.converge();
  scene.check_end();
  return true;
}

std::size_t steps_of(Scene& scene) {
  scene.arrange();
  Keeper keeper{scene.database.options(), scene.place};
  return keeper.plan(scene.settings(), november).steps.size();
}

/// Kills the session as soon as it waits for a lock.
template <class Function>
void kill_waiting(Keeper& keeper, const std::string& dbname, const Function& run) {
  std::thread killer{[&dbname, pid = std::to_string(keeper.connection().backend_pid())] {
    Admin watcher{dbname};
    while (watcher.number("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = " + pid) ==
           0) {
    }
    watcher.execute("SELECT pg_terminate_backend(" + pid + ", 10000)");
  }};
  CHECK_THROWS_AS(run(), pg::Error);
  killer.join();
}

}  // namespace

TEST_CASE("a session killed at any statement of a retirement leaves what the next pass ends") {
  Scene scene;
  for (const bool concurrent : {false, true}) {
    for (const config::Expire expire :
         {config::Expire::drop, config::Expire::detach, config::Expire::archive}) {
      scene.concurrent = concurrent;
      scene.expire = expire;
      CAPTURE(concurrent);
      CAPTURE(static_cast<int>(expire));
      const std::size_t steps = steps_of(scene);
      const std::size_t afterwards = expire == config::Expire::detach ? 1
                                     : expire == config::Expire::drop ? 3
                                                                      : 4;
      CHECK(steps == afterwards + (concurrent ? 2U : 0U));
      for (std::size_t step = 0; step < steps; ++step) {
        CAPTURE(step);
        for (std::size_t statement = 0; kill_at(scene, step, statement); ++statement) {
          CAPTURE(statement);
        }
      }
    }
  }
}

TEST_CASE("DETACH CONCURRENTLY killed while it waits is finished by the next pass") {
  Scene scene;
  scene.concurrent = true;
  for (const config::Expire expire : {config::Expire::drop, config::Expire::detach}) {
    scene.expire = expire;
    for (const char* const other :
         {"LOCK TABLE audit.events IN SHARE UPDATE EXCLUSIVE MODE",  // before it has begun
          "SELECT count(*) FROM audit.events",                       // half detached
          "SELECT count(*) FROM audit.october"}) {                   // in nobody's way
      CAPTURE(other);
      scene.arrange();
      Keeper keeper{scene.database.options(), scene.place};
      const task::Plan plan = keeper.plan(scene.settings(), november);
      REQUIRE(runs_outside(plan.steps[1]));
      REQUIRE(keeper.apply(scene.settings(), plan.steps[0]).kind == Applied::Kind::done);
      Admin holder{scene.database.name()};
      holder.execute("BEGIN");
      holder.execute(other);
      const auto detach = [&] { keeper.apply(scene.settings(), plan.steps[1]); };
      if (contains(other, "october")) {
        detach();
      } else {
        kill_waiting(keeper, scene.database.name(), detach);
      }
      if (contains(other, "FROM audit.events")) {
        CHECK(scene.admin.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 1);
      }
      holder.execute("COMMIT");
      scene.check_nothing_lost(false);
      scene.converge();
      scene.check_end();
    }
  }
}

TEST_CASE("FINALIZE killed at any of its statements is done by the next pass") {
  Scene scene;
  scene.concurrent = true;
  bool is_there = true;
  for (std::size_t statement = 0; is_there; ++statement) {
    CAPTURE(statement);
    scene.arrange();
    {
      Keeper keeper{scene.database.options(), scene.place};
      const task::Plan plan = keeper.plan(scene.settings(), november);
      keeper.apply(scene.settings(), plan.steps[0]);
      Admin reader{scene.database.name()};
      reader.execute("BEGIN; SELECT count(*) FROM audit.events");
      kill_waiting(keeper, scene.database.name(),
                   [&] { keeper.apply(scene.settings(), plan.steps[1]); });
    }
    Keeper keeper{scene.database.options(), scene.place};
    const task::Plan plan = keeper.plan(scene.settings(), november);
    REQUIRE_FALSE(plan.steps.empty());
    REQUIRE(plan.steps.front().action == "finish");
    is_there = statement < plan.steps.front().statements.size();
    CHECK_THROWS_AS(keeper.apply(scene.settings(), killed_at(plan.steps.front(), statement)),
                    pg::Error);
    scene.check_nothing_lost(false);
    scene.converge();
    scene.check_end();
  }
}
