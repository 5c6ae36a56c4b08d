// SPDX-License-Identifier: Apache-2.0
// Tables of every shape: identity, generated columns, constraints, odd names, odd neighbours,
// defaults.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;
using task::Severity;

namespace {

/// One pass must do everything and leave nothing.
void keep(Keeper& keeper, const config::Partition& settings) {
  for (const Applied& applied : keeper.once(settings, november)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  const task::Plan after = keeper.plan(settings, november);
  CHECK(subjects(after) == Words{});
  CHECK(codes(after.findings) == Words{});
}

}  // namespace

TEST_CASE("a parent with identity, generated, defaulted and dropped columns gets partitions") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute(
      "CREATE TABLE public.events (gone int, id bigint GENERATED ALWAYS AS IDENTITY, at "
      "timestamptz "
      "NOT NULL, amount int NOT NULL DEFAULT 7 CHECK (amount > 0), twice int GENERATED ALWAYS AS "
      "(amount * 2) STORED, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
      "ALTER TABLE public.events DROP COLUMN gone;"
      "ALTER TABLE public.events OWNER TO pgc_owner");
  Keeper keeper{database.options()};
  keep(keeper, events());
  admin.execute("INSERT INTO public.events (at) VALUES ('2026-11-30'), ('2026-12-01')");
  CHECK(admin.column("SELECT id || ' ' || twice || ' ' || tableoid::regclass FROM public.events "
                     "ORDER BY id") == Words{"1 14 events_y2026m11", "2 14 events_y2026m12"});
}

TEST_CASE("indexes, constraints and triggers of the parent stand on the partition") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.zones (id text PRIMARY KEY);"
      "ALTER TABLE public.zones OWNER TO pgc_owner;"
      "ALTER TABLE public.events ADD zone text REFERENCES public.zones, ADD UNIQUE (note, at);"
      "CREATE INDEX ON public.events ((lower(note))) WHERE note IS NOT NULL;"
      "CREATE STATISTICS public.s ON id, note FROM public.events;"
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''append only''; END';"
      "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON public.events FOR EACH ROW "
      "EXECUTE FUNCTION public.refuse()");
  Keeper keeper{database.options()};
  keep(keeper, events());
  CHECK(admin.number(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events_y2026m12'::regclass") ==
        admin.number("SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass"));
  CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhparent IN (SELECT indexrelid FROM "
                     "pg_index WHERE indrelid = 'public.events'::regclass)") == 2 * 4);
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-12-24')");
  CHECK_THROWS(admin.execute("INSERT INTO public.events VALUES (2, '2026-12-24', 'n', 'nowhere')"));
  CHECK_THROWS(admin.execute("DELETE FROM public.events"));
  CHECK(admin.value("SELECT relowner::regrole FROM pg_class WHERE relname = 'events_y2026m12'") ==
        "pgc_owner");
}

TEST_CASE("odd names are quoted everywhere") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute(
      "CREATE SCHEMA \"Weird Schema\" AUTHORIZATION pgc_owner;"
      "CREATE TABLE \"Weird Schema\".\"Tab\"\"le\" (\"sel ect\" date NOT NULL) "
      "PARTITION BY RANGE (\"sel ect\");"
      "CREATE TABLE \"Weird Schema\".\"it's the default\" PARTITION OF \"Weird "
      "Schema\".\"Tab\"\"le\" DEFAULT;"
      "INSERT INTO \"Weird Schema\".\"Tab\"\"le\" VALUES ('2020-01-01');"
      "ALTER TABLE \"Weird Schema\".\"Tab\"\"le\" OWNER TO pgc_owner;"
      "ALTER TABLE \"Weird Schema\".\"it's the default\" OWNER TO pgc_owner");
  Keeper keeper{database.options()};
  config::Partition settings = short_lived_events();
  settings.table = {"Weird Schema", "Tab\"le"};
  settings.name = "{table} 'of' %Y-%m \\";
  settings.default_partition = config::DefaultPartition::report;
  for (const UtcTime now : {at("2026-01-15"), november}) {
    for (const Applied& applied : keeper.once(settings, now)) {
      CHECK(applied.kind == Applied::Kind::done);
    }
    const task::Plan after = keeper.plan(settings, now);
    CHECK(subjects(after) == Words{});
    CHECK(codes(after.findings) == Words{"default_rows"});
  }
  const Words kept{"Tab\"le 'of' 2026-11 \\", "Tab\"le 'of' 2026-12 \\", "it's the default"};
  CHECK(names(admin, "\"Weird Schema\".\"Tab\"\"le\"") == kept);
  for (const auto rescue : {config::DefaultPartition::drain, config::DefaultPartition::adopt}) {
    settings.default_partition = rescue;
    for (int pass = 0; pass < 2; ++pass) {  // rescued, then dropped
      for (const Applied& applied : keeper.once(settings, november)) {
        CHECK(applied.kind == Applied::Kind::done);
      }
    }
    CHECK(names(admin, "\"Weird Schema\".\"Tab\"\"le\"") == kept);
    CHECK(admin.number("SELECT count(*) FROM \"Weird Schema\".\"Tab\"\"le\"") == 0);
    admin.execute("INSERT INTO \"Weird Schema\".\"Tab\"\"le\" VALUES ('2020-01-01')");
  }
}

TEST_CASE(
    "foreign, sub-partitioned and unbounded partitions are left alone, and nothing overlaps them") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute(
      "CREATE TABLE public.events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);"
      "ALTER TABLE public.events OWNER TO pgc_owner;"
      "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;"
      "CREATE FOREIGN TABLE public.far PARTITION OF public.events "
      "FOR VALUES FROM ('2026-11-01') TO ('2026-12-01') SERVER nowhere;"
      "CREATE TABLE public.sub PARTITION OF public.events FOR VALUES FROM ('2026-12-01') TO "
      "('2027-01-01') PARTITION BY HASH (id);"
      "CREATE TABLE public.past PARTITION OF public.events FOR VALUES FROM (MINVALUE) TO "
      "('2020-01-01');"
      "CREATE TABLE public.eternal PARTITION OF public.events FOR VALUES FROM ('2027-02-01') TO "
      "('infinity')");
  Keeper keeper{database.options()};
  config::Partition settings = short_lived_events();
  settings.ahead = 5;
  const task::Plan plan = keeper.plan(settings, november);
  CHECK(subjects(plan) == Words{"create public.events_y2027m01"});
  CHECK(codes(plan.findings) == Words{"unrecognised", "unrecognised", "unrecognised"});
  CHECK(keeper.apply(settings, plan.steps[0]).kind == Applied::Kind::done);
  CHECK(subjects(keeper.plan(settings, november)) == Words{});
}

TEST_CASE("a name that is taken is refused, whatever has it") {
  struct Case {
    const char* sql;
    const char* what;
  };
  const Case cases[] = {
      {"CREATE TABLE public.events_y2026m12 (id int)",
       "a table that is attached to nothing has it"},
      {"CREATE VIEW public.events_y2026m12 AS SELECT 1", "a view or type has it"},
      {"CREATE SEQUENCE public.events_y2026m12", "a sequence has it"},
      {"CREATE INDEX events_y2026m12 ON public.other (id)", "an index has it"},
      {"CREATE TYPE public.events_y2026m12 AS ENUM ('a')", "a type has it"},
      {"CREATE TABLE public.events_y2026m12 PARTITION OF public.others FOR VALUES FROM (1) TO (2)",
       "a partition of public.others has it"},
      {"CREATE TABLE public.events_y2026m12 PARTITION OF public.events FOR VALUES FROM "
       "('2030-01-01') TO ('2031-01-01')",
       "a partition of public.events has it"},
  };
  TestDatabase database;
  Keeper keeper{database.options()};
  for (const Case& c : cases) {
    CAPTURE(std::string{c.sql});
    create_events(database.admin());
    database.admin().execute(
        "CREATE TABLE public.other (id int);"
        "CREATE TABLE public.others (id int) PARTITION BY RANGE (id)");
    database.admin().execute(c.sql);
    const task::Plan plan = keeper.plan(events(), november);
    CHECK(subjects(plan) == Words{"create public.events_y2026m11"});
    REQUIRE(codes(plan.findings) == Words{"name_clash"});
    CHECK(contains(plan.findings[0].text, c.what));
    database.admin().execute(
        "DROP OWNED BY pgc_owner CASCADE; DROP SCHEMA public CASCADE;"
        "CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO pgc_owner");
  }
}

TEST_CASE("rows in the default block their own range, are counted, and other ranges go on") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;"
      "ALTER TABLE public.events_default OWNER TO pgc_owner;"
      "INSERT INTO public.events (id, at) VALUES (1, '2026-12-24'), (2, '2027-03-31')");
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.ahead = 3;
  settings.default_partition = config::DefaultPartition::report;
  const task::Plan plan = keeper.plan(settings, november);
  CHECK(subjects(plan) == Words{"create public.events_y2026m11", "create public.events_y2027m01",
                                "create public.events_y2027m02"});
  CHECK(codes(plan.findings) == Words{"default_blocks", "default_rows"});
  CHECK(plan.details.json()["default"]["rows"] == 2);
  keeper.once(settings, november);
  CHECK(names(admin).size() == 4);
  CHECK(subjects(keeper.plan(settings, november)) == Words{});

  admin.execute("DELETE FROM public.events WHERE id = 1");
  keeper.once(settings, november);
  CHECK(names(admin).size() == 5);
  CHECK(codes(keeper.plan(settings, november).findings) == Words{"default_rows"});
}

TEST_CASE("rows that reach the default between plan and act are found by ATTACH, nothing is left") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  create_default(admin);
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.default_partition = config::DefaultPartition::report;
  const task::Plan plan = keeper.plan(settings, november);
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-12-24')");
  const Applied applied = keeper.apply(settings, plan.steps.at(1));
  CHECK(applied.kind == Applied::Kind::yielded);
  REQUIRE(applied.findings.size() == 1);
  CHECK(applied.findings[0] == keeper.plan(settings, november).findings.at(0));
  CHECK(names(admin) == Words{"events_default"});
  CHECK_FALSE(admin.value("SELECT to_regclass('public.events_y2026m12')").has_value());
}

TEST_CASE("a default of more than ten thousand rows is estimated") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;"
      "ALTER TABLE public.events_default OWNER TO pgc_owner;"
      "INSERT INTO public.events (id, at) SELECT g, '2020-01-01' FROM generate_series(1, 10000) g");
  Keeper keeper{database.options()};
  const auto rows = [&] { return keeper.plan(events(), november).details.json()["default"]; };
  CHECK(rows()["rows"] == 10000);
  CHECK(rows()["rows_are_estimate"] == false);
  admin.execute(
      "INSERT INTO public.events (id, at) SELECT g, '2020-01-01' FROM generate_series(10001, "
      "20000) g;"
      "ANALYZE public.events_default");
  CHECK(rows()["rows"] == 20000);
  CHECK(rows()["rows_are_estimate"] == true);
}

TEST_CASE("row-level security on the default is said, never taken for emptiness") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;"
      "ALTER TABLE public.events_default OWNER TO pgc_owner;"
      "ALTER TABLE public.events_default ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
      "INSERT INTO public.events (id, at) VALUES (1, '2026-12-24')");
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(codes(plan.findings) == Words{"default_unreadable"});
  CHECK(contains(plan.findings[0].text, "row-level security"));
}

TEST_CASE("what is not a table partitioned by one time column is one critical finding") {
  struct Case {
    const char* sql;
    const char* code;
    const char* words;
  };
  const Case cases[] = {
      {"SELECT", "table_missing", "no such table"},
      {"CREATE TABLE public.events (at timestamptz)", "not_partitioned", "a plain table"},
      {"CREATE VIEW public.events AS SELECT 1", "not_partitioned", "a view"},
      {"CREATE TABLE public.events (at timestamptz) PARTITION BY LIST (at)", "unsupported_key",
       "LIST"},
      {"CREATE TABLE public.events (at timestamptz) PARTITION BY HASH (at)", "unsupported_key",
       "HASH"},
      {"CREATE TABLE public.events (at timestamptz, id int) PARTITION BY RANGE (at, id)",
       "unsupported_key", "2 columns"},
      {"CREATE TABLE public.events (at timestamp) PARTITION BY RANGE (date_trunc('day', at))",
       "unsupported_key", "an expression"},
      {"CREATE TABLE public.events (at bigint) PARTITION BY RANGE (at)", "unsupported_key",
       "bigint"},
      {"CREATE TABLE public.events (at timetz) PARTITION BY RANGE (at)", "unsupported_key",
       "time with"},
      {"CREATE DOMAIN public.moment AS timestamptz;"
       "CREATE TABLE public.events (at public.moment) PARTITION BY RANGE (at)",
       "unsupported_key", "public.moment"},
  };
  TestDatabase database;
  Keeper keeper{database.options()};
  for (const Case& c : cases) {
    CAPTURE(std::string{c.sql});
    database.admin().execute(c.sql);
    const task::Plan plan = keeper.plan(events(), november);
    CHECK(plan.steps.empty());
    REQUIRE(codes(plan.findings) == Words{c.code});
    CHECK(plan.findings[0].severity == Severity::critical);
    CHECK(contains(plan.findings[0].text, c.words));
    database.admin().execute(contains(c.sql, "VIEW") ? "DROP VIEW IF EXISTS public.events"
                                                     : "DROP TABLE IF EXISTS public.events");
  }
}
