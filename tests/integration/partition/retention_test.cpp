// SPDX-License-Identifier: Apache-2.0
// Drop and detach on a real server: by bounds, behind guards and holds, nothing orphaned.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;

namespace {

/// public.events with January to March 2026, a row in each.
void create_old_events(TestDatabase& database, Keeper& keeper) {
  create_events(database.admin());
  config::Partition settings = events();
  settings.ahead = 2;
  keeper.once(settings, january);
  database.admin().execute(
      "INSERT INTO public.events (id, at) VALUES (1, '2026-01-31'), (2, '2026-02-01'), (3, "
      "'2026-03-31')");
}

/// Tables named like partitions of public.events, attached or not.
Words tables(Admin& admin) {
  return admin.column(
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
      "ORDER BY relname COLLATE \"C\"");
}

}  // namespace

TEST_CASE("expired partitions are dropped, oldest first, and the window is opened before") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  const config::Partition settings = short_lived_events();
  CHECK(subjects(keeper.plan(settings, at("2026-05-31"))) ==
        Words{"create public.events_y2026m05", "create public.events_y2026m06",
              "drop public.events_y2026m01", "drop public.events_y2026m02",
              "drop public.events_y2026m03"});
  // 60 days before 2026-05-30 is 2026-03-31: March still has its last day.
  for (const Applied& applied : keeper.once(settings, at("2026-05-30"))) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(tables(database.admin()) == Words{"events_y2026m03", "events_y2026m05", "events_y2026m06"});
  CHECK(database.admin().column("SELECT id FROM public.events") == Words{"3"});
  CHECK(subjects(keeper.plan(settings, at("2026-05-30"))) == Words{});
}

TEST_CASE("detach leaves the rows in a table of their own") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  config::Partition settings = short_lived_events();
  settings.expire = config::Expire::detach;
  settings.max_drops = 2;
  keeper.once(settings, november);
  CHECK(names(database.admin()) == Words{"events_y2026m03", "events_y2026m11", "events_y2026m12"});
  CHECK(database.admin().number("SELECT id FROM public.events_y2026m01") == 1);
  keeper.once(settings, november);
  CHECK(subjects(keeper.plan(settings, november)) == Words{});
  CHECK(tables(database.admin()).size() == 5);
}

TEST_CASE("max_drops = 0 pauses retention: nothing goes, and new partitions come") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  config::Partition settings = short_lived_events();
  settings.max_drops = 0;
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(codes(plan.findings) == Words{"retention_paused"});
  CHECK(contains(plan.findings[0].text, "3 partitions are past retention"));
  for (const Applied& applied : keeper.once(settings, november)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(names(database.admin()) == Words{"events_y2026m01", "events_y2026m02", "events_y2026m03",
                                         "events_y2026m11", "events_y2026m12"});
  CHECK(database.admin().number("SELECT count(*) FROM public.events") == 3);
  CHECK(acts(keeper.plan(settings, november)) == Words{});
}

TEST_CASE("what max_drops leaves is said while some is left") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  config::Partition settings = short_lived_events();
  settings.max_drops = 2;
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(codes(plan.findings) == Words{"retention_backlog"});
  CHECK(plan.findings[0].text == "3 partitions are past retention; max_drops = 2 a pass");
  keeper.once(settings, november);
  CHECK(codes(keeper.plan(settings, november).findings) == Words{});
  keeper.once(settings, november);
  CHECK(names(database.admin()) == Words{"events_y2026m11", "events_y2026m12"});
}

TEST_CASE("drop and detach count as changes and the lock's time is measured") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  const config::Partition settings = short_lived_events();
  const task::Plan plan = keeper.plan(settings, november);
  const auto metrics_of = [&](const std::string& subject) {
    std::vector<std::string> result;
    for (const telemetry::Sample& found : keeper.chain(settings, plan, subject).samples) {
      if (found.metric == telemetry::Metric::lock_attempts_total) continue;
      CHECK(found.labels.front() == "public.events");
      result.push_back(found.labels.back());
      if (found.metric == telemetry::Metric::lock_held_seconds) {
        CHECK(found.value > 0);
        CHECK(found.value < 5);
      }
    }
    return result;
  };
  CHECK(metrics_of(plan.steps.front().subject) == Words{"public.events", "created", "attached"});
  // One lock each: of the marker, of the guards, of the drop.
  CHECK(metrics_of(plan.steps.back().subject) ==
        Words{"public.events", "public.events", "detached", "public.events", "dropped"});
}

TEST_CASE("retention_query shortens, never lengthens, and may fail") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  Admin& admin = database.admin();
  admin.execute(
      "CREATE TABLE public.audit_retention (singleton boolean PRIMARY KEY, retention_days int);"
      "ALTER TABLE public.audit_retention OWNER TO pgc_owner");
  config::Partition settings = events();
  settings.expire = config::Expire::drop;
  settings.retention = std::chrono::days{275};  // before 2026-02-21
  settings.retention_query = "SELECT retention_days FROM public.audit_retention WHERE singleton;";
  const auto drops = [&] { return subjects(keeper.plan(settings, november)).size() - 2; };
  CHECK(drops() == 1);
  admin.execute("INSERT INTO public.audit_retention VALUES (true, NULL)");
  CHECK(drops() == 1);
  admin.execute("UPDATE public.audit_retention SET retention_days = 10000");
  CHECK(drops() == 1);
  admin.execute("UPDATE public.audit_retention SET retention_days = 260");
  CHECK(drops() == 2);
  admin.execute("UPDATE public.audit_retention SET retention_days = 0");
  CHECK(drops() == 1);
  CHECK(codes(keeper.plan(settings, november).findings) == Words{"retention_query"});
  for (const char* bad : {"SELECT days FROM public.nowhere", "SELECT 'a while'", "SELECT 1/0",
                          "SELECT 3 UNION ALL SELECT 4", "no sql at all",
                          "WITH gone AS (DELETE FROM public.events RETURNING 1) SELECT 1"}) {
    CAPTURE(bad);
    settings.retention_query = bad;
    CHECK(drops() == 1);
    CHECK(codes(keeper.plan(settings, november).findings) == Words{"retention_query"});
  }
  CHECK(admin.number("SELECT count(*) FROM public.events") == 3);
}

TEST_CASE("hold_query keeps partitions at plan time, and everything but false holds") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  database.admin().execute(
      "CREATE SEQUENCE public.events_seen; ALTER SEQUENCE public.events_seen OWNER TO pgc_owner");
  config::Partition settings = short_lived_events();
  struct Case {
    const char* query;
    std::size_t drops;
  };
  const Case cases[] = {
      {"SELECT false", 3},
      {"SELECT true", 0},
      {"SELECT NULL::boolean", 0},
      {"SELECT false WHERE false", 0},
      {"SELECT 1/0 = 1", 0},
      {"SELECT 'no'", 0},
      {"SELECT v FROM (VALUES (false), (true)) AS t (v)", 0},
      {"SELECT v FROM (VALUES (false), (false)) AS t (v)", 3},
      {"SELECT $2 > '2026-02-15'", 1},
      {"SELECT $1 < '2026-02-15';", 1},
      {"SELECT $1 = $2", 3},
      {"SELECT lower($1::text) LIKE '2026-02%'", 2},
      {"SELECT EXISTS (SELECT FROM public.events WHERE at >= $1 AND at < $2 AND id = 2)", 2},
      {"SELECT nextval('public.events_seen') < 0", 0},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string{c.query});
    settings.hold_query = c.query;
    const task::Plan plan = keeper.plan(settings, november);
    CHECK(subjects(plan).size() - 2 == c.drops);
    CHECK(plan.findings.size() == 3 - c.drops);
  }
  CHECK(database.admin().value("SELECT is_called FROM public.events_seen") == "f");
}

TEST_CASE("a hold that appears between plan and act still holds") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  database.admin().execute(
      "CREATE TABLE public.legal_hold (since timestamptz);"
      "ALTER TABLE public.legal_hold OWNER TO pgc_owner");
  config::Partition settings = short_lived_events();
  settings.hold_query = "SELECT EXISTS (SELECT FROM public.legal_hold WHERE since < $2)";
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(subjects(plan).back() == "drop public.events_y2026m03");
  database.admin().execute("INSERT INTO public.legal_hold VALUES ('2026-03-01')");
  const Applied held = keeper.chain(settings, plan);
  CHECK(held.kind == Applied::Kind::yielded);
  CHECK(codes(held.findings) == Words{"held"});
  database.admin().execute("ALTER TABLE public.legal_hold RENAME COLUMN since TO sinze");
  const Applied failed = keeper.chain(settings, plan);
  CHECK(failed.kind == Applied::Kind::yielded);
  CHECK(codes(failed.findings) == Words{"hold_query_failed"});
  CHECK(names(database.admin()).size() == 3);
}

TEST_CASE("a retention that is lengthened between plan and act keeps the partition") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.retention (days int); INSERT INTO public.retention VALUES (60);"
      "GRANT SELECT ON public.retention TO PUBLIC");
  Keeper keeper{database.options()};
  keeper.once(events(), at("2026-01-15"));
  config::Partition settings = short_lived_events();
  settings.retention = std::chrono::days{3650};
  settings.retention_query = "SELECT days FROM public.retention";
  const task::Plan plan = keeper.plan(settings, at("2026-11-23"));
  REQUIRE(plan.steps.back().action == "drop");
  std::string code = "changed_meanwhile";
  SUBCASE("longer") {
    admin.execute("UPDATE public.retention SET days = 3650");
  }
  SUBCASE("no days at all") {
    admin.execute("DELETE FROM public.retention");
  }
  SUBCASE("not to be read") {
    admin.execute("REVOKE SELECT ON public.retention FROM PUBLIC");
    code = "retention_query";
  }
  const task::Applied applied = keeper.chain(settings, plan);
  CHECK(applied.kind == task::Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{code});
  CHECK(contains(names(admin).front(), "events_y2026m01"));
}

TEST_CASE("a hold_query that is slow under the lock gives way half a second after lock_timeout") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  config::Partition settings = short_lived_events();
  settings.lock_timeout = std::chrono::milliseconds{50};
  // Quick while it is planned, in a transaction that reads only.
  settings.hold_query =
      "SELECT false FROM pg_sleep(CASE WHEN current_setting('transaction_read_only') = 'on' "
      "THEN 0 ELSE 20 END)";
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(subjects(plan).back() == "drop public.events_y2026m03");
  const auto start = std::chrono::steady_clock::now();
  const Applied held = keeper.chain(settings, plan);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{5});
  CHECK(held.kind == Applied::Kind::yielded);
  CHECK(codes(held.findings) == Words{"hold_query_failed"});
  CHECK(names(database.admin()).size() == 3);
}

TEST_CASE("a daemon that falls silent in a retirement loses its locks after half a second") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  config::Partition settings = short_lived_events();
  settings.hold_query =
      "SELECT CASE WHEN current_setting('transaction_read_only') = 'on' THEN false ELSE "
      "current_setting('idle_in_transaction_session_timeout') <> '500ms' END";
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(subjects(plan).back() == "drop public.events_y2026m03");
  CHECK(keeper.chain(settings, plan).kind == Applied::Kind::done);
}

TEST_CASE("what is no longer the planned partition is not touched") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  Admin& admin = database.admin();
  const config::Partition settings = short_lived_events();
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(plan.steps.back().subject == "public.events_y2026m03");

  SUBCASE("other bounds under the same name") {
    admin.execute(
        "ALTER TABLE public.events DETACH PARTITION public.events_y2026m03;"
        "ALTER TABLE public.events ATTACH PARTITION public.events_y2026m03 FOR VALUES FROM "
        "('2026-03-01') TO ('2030-01-01')");
  }
  SUBCASE("another table under the same name") {
    admin.execute(
        "ALTER TABLE public.events_y2026m03 RENAME TO aside;"
        "CREATE TABLE public.events_y2026m03 PARTITION OF public.events FOR VALUES FROM "
        "('2027-03-01') TO ('2027-04-01');"
        "ALTER TABLE public.events_y2026m03 OWNER TO pgc_owner");
  }
  SUBCASE("detached meanwhile") {
    admin.execute("ALTER TABLE public.events DETACH PARTITION public.events_y2026m03");
  }
  const Applied applied = keeper.chain(settings, plan);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"changed_meanwhile"});
  CHECK(admin.value("SELECT to_regclass('public.events_y2026m03')").has_value());
}

TEST_CASE("what is gone already is nothing to do") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  const config::Partition settings = short_lived_events();
  const task::Plan plan = keeper.plan(settings, november);
  database.admin().execute("DROP TABLE public.events_y2026m03");
  const Applied applied = keeper.chain(settings, plan);
  CHECK(applied.kind == Applied::Kind::nothing);
  CHECK(applied.findings.empty());
}

TEST_CASE("one partition that cannot go does not keep the others") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  database.admin().execute("CREATE VIEW public.looks AS SELECT * FROM public.events_y2026m01");
  const config::Partition settings = short_lived_events();
  const task::Plan plan = keeper.plan(settings, november);
  int refused = 0;
  for (const task::Step& step : plan.steps) {
    try {
      keeper.apply(settings, step);
    } catch (const pg::Error& error) {
      ++refused;
      CHECK(error.sqlstate() == "2BP01");
      CHECK(error.statement() == "partition.drop");
    }
  }
  CHECK(refused == 1);
  CHECK(names(database.admin()) == Words{"events_y2026m11", "events_y2026m12"});
  CHECK(tables(database.admin()) == Words{"events_y2026m01", "events_y2026m11", "events_y2026m12"});
}

TEST_CASE("partitions of another owner are left and named") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_old_events(database, keeper);
  database.admin().execute("ALTER TABLE public.events_y2026m01 OWNER TO postgres");
  const task::Plan plan = keeper.plan(short_lived_events(), november);
  CHECK(subjects(plan).size() == 4);
  CHECK(codes(plan.findings) == Words{"not_owner"});
}
