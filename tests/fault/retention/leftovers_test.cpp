// SPDX-License-Identifier: Apache-2.0
// The backend dies at each statement of what clears up after others, the marker of a partition that
// stays and a guard that was left behind: no row is lost, and the next pass does it.
#include "integration/partition/partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

struct Untidy {
  Untidy() {
    Admin& admin = database.admin();
    create_events(admin);
    admin.execute(
        "CREATE FUNCTION public.die() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS "
        "'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())'");
    Keeper keeper{database.options()};
    keeper.once(events(), january);
    keeper.once(events(), november);
    create_default(admin);
    admin.execute(
        "COMMENT ON TABLE public.events_y2026m01 IS 'mine';"
        "INSERT INTO public.events SELECT g, '2026-01-05', '' FROM generate_series(1, 50) AS g;"
        "INSERT INTO public.events SELECT g, '2029-01-05', '' FROM generate_series(1, 50) AS g");
    settings.default_partition = config::DefaultPartition::report;
    settings.retention = std::chrono::days{3650};
  }

  std::string comment() {
    return database.admin()
        .value("SELECT obj_description('public.events_y2026m01'::regclass)")
        .value_or("");
  }
  long long guards() {
    return database.admin().number(
        "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pgcaretaker%'");
  }

  /// `arrange` makes a plan's only step `action`; its backend dies before each statement, and once
  /// before COMMIT. Returns the number of rounds.
  std::size_t kill_everywhere(const std::string& action, const std::function<void()>& arrange) {
    arrange();
    const std::string before = contents(database.admin());
    for (std::size_t k = 0;; ++k) {
      CAPTURE(k);
      Keeper keeper{database.options()};
      task::Plan plan = keeper.plan(settings, november);
      REQUIRE(plan.steps.size() == 1);
      task::Step step = plan.steps.front();
      REQUIRE(step.action == action);
      const std::size_t statements = step.statements.size();
      task::Statement death;
      death.name = "test.death";
      death.sql = "SELECT public.die()";
      step.statements.insert(step.statements.begin() + static_cast<std::ptrdiff_t>(k), death);
      CHECK_THROWS_AS(keeper.apply(settings, step), pg::Error);
      CHECK(contents(database.admin()) == before);
      CHECK(comment() + std::to_string(guards()) != "mine0");
      Keeper next{database.options()};
      for (const task::Applied& applied : next.once(settings, november)) {
        CHECK(applied.kind == task::Applied::Kind::done);
      }
      CHECK(subjects(next.plan(settings, november)) == Words{});
      CHECK(contents(database.admin()) == before);
      CHECK(comment() == "mine");
      CHECK(guards() == 0);
      if (k == statements) return k + 1;
      arrange();
    }
  }

  TestDatabase database;
  config::Partition settings = short_lived_events();
};

}  // namespace

TEST_CASE_FIXTURE(Untidy, "an unmark that dies at any statement is done by the next pass") {
  const auto mark = [&] {
    config::Partition expired = settings;
    expired.retention = std::chrono::days{60};
    Keeper keeper{database.options()};
    for (const task::Step& step : keeper.plan(expired, november).steps) {
      if (step.action == "mark" && step.subject == "public.events_y2026m01") {
        REQUIRE(keeper.apply(expired, step).kind == task::Applied::Kind::done);
      }
    }
    REQUIRE(contains(comment(), "pgcaretaker: {"));
  };
  // With a default the detach is one transaction: the marker of an interrupted one is only there
  // without.
  database.admin().execute(
      "CREATE TABLE public.far (LIKE public.events_default); "
      "INSERT INTO public.far TABLE public.events_default; DROP TABLE public.events_default;"
      "ALTER TABLE public.far OWNER TO pgc_owner;"
      "ALTER TABLE public.events ATTACH PARTITION public.far FOR VALUES FROM ('2029-01-01 00:00Z') "
      "TO ('2029-02-01 00:00Z')");
  CHECK(kill_everywhere("unmark", mark) >= 4);
}

TEST_CASE_FIXTURE(Untidy, "an unguard that dies at any statement is done by the next pass") {
  const auto guard = [&] {
    database.admin().execute(
        "ALTER TABLE public.events_default ADD CONSTRAINT pgcaretaker_guard "
        "CHECK (at < '2020-01-01') NOT VALID; COMMENT ON CONSTRAINT pgcaretaker_guard ON "
        "public.events_default IS 'pgcaretaker: gone with the next pass'");
  };
  CHECK(kill_everywhere("unguard", guard) == 2);
}
