// SPDX-License-Identifier: Apache-2.0
// The backend dies before and after each statement of drain, guard and adopt, one a round: every
// row is there, nothing half done is left, and the next pass converges.
#include "integration/partition/partition_fixture.hpp"
#include "support/cancel_everywhere.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;

namespace {

struct World {
  World() {
    Admin& admin = database.admin();
    create_events(admin);
    admin.execute(
        "CREATE TABLE public.zones (id bigint PRIMARY KEY); INSERT INTO public.zones VALUES (1);"
        "ALTER TABLE public.zones OWNER TO pgc_owner;"
        "ALTER TABLE public.events ADD zone bigint REFERENCES public.zones;"
        "CREATE FUNCTION public.die() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS "
        "'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())'");
  }

  /// As it was before the first round, with `rows` of October in the default.
  void arrange() {
    Admin& admin = database.admin();
    admin.execute(
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT inhrelid::regclass FROM pg_inherits "
        "WHERE inhparent = 'public.events'::regclass LOOP EXECUTE 'DROP TABLE ' || name; END LOOP; "
        "END $$");
    Keeper{database.options()}.once(events(), november);
    create_default(admin);
    admin.execute(
        "INSERT INTO public.events SELECT g, '2026-10-15', 'note ' || g, 1 FROM "
        "generate_series(1, " +
        std::to_string(rows) + ") AS g; INSERT INTO public.events VALUES (1000, '2026-11-03')");
  }

  std::string contents() {
    return database.admin()
        .value(
            "SELECT count(*) || ' ' || md5(string_agg(t::text, ',' ORDER BY t::text)) FROM "
            "public.events AS t")
        .value();
  }

  /// Tables that belong to nothing, and guards.
  long long left_over() {
    return database.admin().number(
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
        "relkind = 'r' AND NOT relispartition AND relname <> 'zones') + (SELECT count(*) FROM "
        "pg_constraint WHERE conname LIKE 'pgcaretaker%')");
  }

  /// Everything that is planned, until nothing is; false = it does not end.
  bool converges(const config::Partition& settings) {
    Keeper keeper{database.options()};
    for (int pass = 0; pass < 3; ++pass) {
      for (const Applied& applied : keeper.once(settings, november)) {
        CHECK(applied.kind == Applied::Kind::done);
      }
      if (keeper.plan(settings, november).steps.empty()) return true;
    }
    return false;
  }

  /// Kills the backend before statement k of the plan's last step, for every k and after the last.
  /// Returns the number of rounds.
  std::size_t kill_everywhere(const config::Partition& settings, std::string_view action) {
    for (std::size_t k = 0;; ++k) {
      CAPTURE(k);
      arrange();
      const std::string before = contents();
      Keeper keeper{database.options()};
      task::Plan plan = keeper.plan(settings, november);
      REQUIRE(plan.steps.size() == 1);
      task::Step step = plan.steps.back();
      REQUIRE(step.action == action);
      const std::size_t statements = step.statements.size();
      CAPTURE(k < statements ? step.statements[k].sql : "the end");
      task::Statement death;
      death.name = "test.death";
      death.sql = "SELECT public.die()";
      step.statements.insert(step.statements.begin() + static_cast<std::ptrdiff_t>(k), death);
      CHECK_THROWS_AS(keeper.apply(settings, step), pg::Error);
      CHECK(contents() == before);
      CHECK(converges(settings));
      CHECK(contents() == before);
      CHECK(left_over() == 0);
      if (k == statements) return k + 1;
    }
  }

  /// Cancels the plan's only step at every suspension, a round each, until it comes to its end.
  void cancel_at_every_suspension(const config::Partition& settings) {
    arrange();
    const std::string before = contents();
    Keeper keeper{database.options()};
    partition::PartitionTask task{settings};
    task::Step step = keeper.plan(settings, november).steps.at(0);
    const auto operation = [&]() -> Awaitable<void> {
      Applied applied;
      co_await task.apply(keeper.connection(), step, surroundings(), applied);
    };
    const int rounds =
        cancel_everywhere(keeper.loop(), operation, [&](const CancelledRound& round) {
          CAPTURE(round.step);
          REQUIRE(keeper.connection().state() == pg::SessionState::ready);
          CHECK(contents() == before);
          CHECK(left_over() == 0);
        });
    CHECK(rounds > 15);
    CHECK(contents() == before);
    CHECK(left_over() == 0);
    CHECK(converges(settings));
    CHECK(database.admin().number("SELECT count(*) FROM public.events_y2026m10") == rows);
  }

  TestDatabase database;
  int rows = 300;
};

}  // namespace

TEST_CASE_FIXTURE(World,
                  "a drain that dies at any statement loses no row and is done by the next") {
  CHECK(kill_everywhere(events(), "drain") >= 15);
  CHECK(database.admin().number("SELECT count(*) FROM public.events_y2026m10") == 300);
}

TEST_CASE_FIXTURE(World,
                  "an adoption that dies at any statement loses no row, nor leaves a guard") {
  config::Partition settings = events();
  settings.default_partition = config::DefaultPartition::adopt;
  CHECK(kill_everywhere(settings, "adopt") >= 15);
  CHECK(database.admin().number("SELECT count(*) FROM public.events_y2026m10") == 300);
}

TEST_CASE_FIXTURE(World, "a guarded creation that dies at any statement leaves no guard") {
  config::Partition settings = events();
  settings.default_partition = config::DefaultPartition::report;
  settings.ahead = 3;
  rows = 10'100;  // more than are counted, and never counted by the server: it may be any size
  CHECK(kill_everywhere(settings, "create") >= 8);
}

TEST_CASE_FIXTURE(World, "a drain cancelled at any await is done or was never there") {
  cancel_at_every_suspension(events());
}

TEST_CASE_FIXTURE(World, "an adoption cancelled at any await takes back its guard") {
  config::Partition settings = events();
  settings.default_partition = config::DefaultPartition::adopt;
  cancel_at_every_suspension(settings);
}
