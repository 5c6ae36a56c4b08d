// SPDX-License-Identifier: Apache-2.0
// Findings that only a server in trouble gives: each is brought about, and the pass goes on.
#include <filesystem>

#include "afterwards_fixture.hpp"
#include "archive/store.hpp"
#include "elsewhere.hpp"
#include "meddler.hpp"
#include "partition/archive_apply.hpp"
#include "support/process.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;
using task::Severity;

TEST_CASE(
    "where the siblings' tablespace is not ours to use, the database's is, and that is said") {
  const Elsewhere elsewhere;
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.ahead = 0;
  keeper.once(settings, november);
  admin.execute("ALTER TABLE public.events_y2026m11 SET TABLESPACE elsewhere");
  settings.ahead = 1;
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(codes(plan.findings) == Words{"no_tablespace"});
  CHECK(plan.findings[0].severity == Severity::warning);
  CHECK(contains(plan.findings[0].text, "GRANT CREATE ON TABLESPACE \"elsewhere\""));
  const auto tablespace = [&](const std::string& table) {
    return admin
        .value(
            "SELECT spcname FROM pg_class AS c JOIN pg_tablespace AS t ON t.oid = reltablespace "
            "WHERE c.oid = '" +
            table + "'::regclass")
        .value_or("the database's");
  };
  const Applied applied = keeper.apply(settings, plan.steps.at(0));
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(codes(applied.findings) == Words{});
  CHECK(tablespace("public.events_y2026m12") == "the database's");
  admin.execute(
      "GRANT CREATE ON TABLESPACE elsewhere TO pgc_owner; DROP TABLE public.events_y2026m12");
  keeper.once(settings, november);
  CHECK(tablespace("public.events_y2026m12") == "elsewhere");
}

TEST_CASE("what LIKE leaves out and cannot be read keeps nothing from being created") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  admin.execute(
      "REVOKE EXECUTE ON FUNCTION pg_catalog.has_tablespace_privilege(oid, text) FROM PUBLIC");
  const task::Plan plan = keeper.plan(short_lived_events(), november);
  REQUIRE(codes(plan.findings) == Words{"pattern_unreadable", "pattern_unreadable"});
  CHECK(contains(plan.findings[0].text, "permission denied for function has_tablespace_privilege"));
  // Without the triggers that would guard it nothing leaves the table.
  CHECK(subjects(plan) == Words{"create public.events_y2026m11", "create public.events_y2026m12"});
  keeper.once(short_lived_events(), november);
  CHECK(names(admin).size() == 4);
}

TEST_CASE("an ATTACH that takes too long under its lock is given up, and no other is tried") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  create_default(admin);
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  // What reading a large default takes.
  const Meddler meddler{admin, "c.relname = 'events_y2026m12' AND c.relispartition",
                        "PERFORM pg_catalog.pg_sleep(60)"};
  const auto start = std::chrono::steady_clock::now();
  const Applied applied = keeper.chain(events(), plan);
  CHECK(std::chrono::steady_clock::now() - start < 20s);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(applied.stops_action);
  REQUIRE(codes(applied.findings) == Words{"default_too_large"});
  CHECK(applied.findings[0].severity == Severity::critical);
  CHECK(names(admin) == Words{"events_default"});
  CHECK_FALSE(admin.value("SELECT to_regclass('public.events_y2026m12')").has_value());
}

TEST_CASE("a stop when an archive has just been written leaves both table and archive") {
  TestDatabase database;
  create_events(database.admin());
  const TemporaryDirectory directory;
  const auto place = std::make_shared<archive::Workplace>();
  place->settings.directory = directory.path("archive");
  std::filesystem::create_directory(place->settings.directory);
  Keeper keeper{database.options(), place};
  config::Partition settings = events();
  settings.ahead = 0;
  keeper.once(settings, january);
  settings.retention = std::chrono::days{60};
  settings.expire = config::Expire::archive;
  const auto written = [&] { return archive::list(place->settings.directory).size(); };
  partition::PassArchives known;
  const auto apply = [&](const task::Step& step) {
    Applied applied;
    if (!partition::needs_archive(step)) return keeper.apply(settings, step);
    run(keeper.loop(), partition::apply_archived(keeper.connection(), settings, place, step,
                                                 keeper.around, SteadyTime::max(), known, applied));
    return applied;
  };
  std::string stopped_at;
  SUBCASE("before it is noted") {
    stopped_at = "archive";
  }
  SUBCASE("before the drop") {
    stopped_at = "drop";
  }
  for (const task::Step& step : keeper.plan(settings, november).steps) {
    if (step.action == "drop" && stopped_at == "archive") continue;
    if (step.action == "archive" && stopped_at == "archive") {
      keeper.around.may_act = [&] { return written() == 0; };
    } else if (step.action == stopped_at) {
      keeper.around.may_act = [] { return false; };
    }
    const Applied applied = apply(step);
    if (step.action != stopped_at) {
      CHECK(applied.kind == Applied::Kind::done);
      continue;
    }
    CHECK(applied.kind == Applied::Kind::yielded);
    CHECK(applied.can_wait);
    REQUIRE(codes(applied.findings) == Words{"archive_stopped"});
    CHECK(contains(applied.findings[0].text, stopped_at + " not done"));
  }
  CHECK(written() == 1);
  CHECK(database.admin().value("SELECT to_regclass('public.events_y2026m01')").has_value());
  keeper.around.may_act = [] { return true; };
  keeper.once(settings, november);
  CHECK(written() == 1);
  CHECK_FALSE(database.admin().value("SELECT to_regclass('public.events_y2026m01')").has_value());
}

TEST_CASE("a freeze that the server refuses is said, and everything else is done") {
  Kept kept;
  create_closed(kept.admin());
  kept.admin().execute(
      "CREATE FUNCTION public.touchy(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS "
      "'BEGIN RAISE EXCEPTION ''not today''; END';"
      "CREATE STATISTICS public.touchy ON (public.touchy(id)), note FROM public.events_old;"
      "ALTER STATISTICS public.touchy OWNER TO pgc_owner");
  config::Partition settings = tended_events();
  const task::Report report = kept.once(settings);
  CHECK(report.outcome == task::Outcome::success);
  CHECK(results(report).front() == "freeze yielded");
  const task::Finding& finding = finding_of(report.findings, "not_maintained");
  CHECK(finding.severity == Severity::warning);
  CHECK(finding.subject == closed_table);
  CHECK(contains(finding.text, "freeze was refused: not today"));
  CHECK(names(kept.admin()).size() == 3);
}

TEST_CASE("upkeep that cannot be looked into keeps nothing else from being done") {
  Kept kept;
  create_closed(kept.admin());
  kept.admin().execute(
      "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_stat_get_live_tuples(oid) FROM PUBLIC");
  const task::Report report = kept.once();
  CHECK(report.outcome == task::Outcome::success);
  const task::Finding& finding = finding_of(report.findings, "afterwards_unknown");
  CHECK(finding.severity == Severity::warning);
  CHECK(contains(finding.text, "permission denied for function pg_stat_get_live_tuples"));
  CHECK(results(report) == Words{});
  CHECK(names(kept.admin()).size() == 3);
  kept.admin().execute(
      "GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_live_tuples(oid) TO PUBLIC");
  CHECK(results(kept.once()) == Words{"freeze done", "analyze done"});
}
