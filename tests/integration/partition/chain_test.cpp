// SPDX-License-Identifier: Apache-2.0
// Retirement in several transactions: what stands between them, and how a later pass goes on.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;

namespace {

// Later than any time at which this test runs, so that a grace can be over.
const UtcTime later = at("2090-01-15");

constexpr const char* old_table = "public.events_y2026m01";

config::Partition graced(int days) {
  config::Partition settings = short_lived_events();
  settings.ahead = 0;
  settings.grace = std::chrono::days{days};
  return settings;
}

/// public.events with January 2026 alone, three rows in it, and what `later` needs.
void create_january(TestDatabase& database, Keeper& keeper) {
  create_events(database.admin());
  config::Partition settings = events();
  settings.ahead = 0;
  keeper.once(settings, january);
  keeper.once(settings, later);
  database.admin().execute(
      "INSERT INTO public.events (id, at) SELECT g, '2026-01-31' FROM generate_series(1, 3) g");
}

/// The same, detached for a grace of 100 years.
void create_detached(TestDatabase& database, Keeper& keeper) {
  create_january(database, keeper);
  keeper.once(graced(36500), later);
}

std::string marker(Admin& admin, const std::string& key, const std::string& table = old_table) {
  return admin
      .value("SELECT substr(obj_description('" + table + "'::regclass), 14)::json ->> '" + key +
             "'")
      .value_or("");
}

}  // namespace

TEST_CASE("readers need not wait for a detach where there is neither default nor foreign key") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_january(database, keeper);
  const task::Plan plan = keeper.plan(graced(0), later);
  CHECK(acts(plan) == Words{"mark public.events_y2026m01", "detach public.events_y2026m01",
                            "guard public.events_y2026m01", "drop public.events_y2026m01"});
  Admin reader{database.name()};
  reader.execute("BEGIN; SELECT count(*) FROM public.events_y2090m01");
  CHECK(keeper.chain(graced(0), plan).kind == Applied::Kind::done);
  CHECK_FALSE(database.admin().value("SELECT to_regclass('public.events_y2026m01')").has_value());
  CHECK(keeper.plan(graced(0), later).steps.empty());
}

TEST_CASE("a detach that comes to nothing leaves no marker, so what a person detaches is theirs") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_january(database, keeper);
  admin.execute("COMMENT ON TABLE public.events_y2026m01 IS 'it''s January'");
  config::Partition settings = graced(0);
  settings.lock_timeout = std::chrono::milliseconds{50};
  Admin other{database.name()};
  other.execute("BEGIN; LOCK TABLE ONLY public.events IN SHARE UPDATE EXCLUSIVE MODE");
  const task::Plan plan = keeper.plan(settings, later);
  REQUIRE(acts(plan).at(1) == "detach public.events_y2026m01");
  CHECK(keeper.chain(settings, plan).kind == Applied::Kind::yielded);
  CHECK(admin.value("SELECT obj_description('public.events_y2026m01'::regclass)") ==
        "it's January");
  other.execute("COMMIT");
  admin.execute("ALTER TABLE public.events DETACH PARTITION public.events_y2026m01");
  CHECK(acts(keeper.plan(settings, later)) == Words{});
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m01") == 3);
}

TEST_CASE("a default, a hold_query or a shortened retention makes it a plain detach") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_january(database, keeper);
  config::Partition settings = graced(0);
  SUBCASE("default") {
    create_default(database.admin());
  }
  SUBCASE("hold_query") {
    settings.hold_query = "SELECT false";
  }
  SUBCASE("retention_query") {
    settings.retention = std::chrono::days{365};
    settings.retention_query = "SELECT 60";
  }
  const task::Plan plan = keeper.plan(settings, later);
  CHECK(acts(plan) == Words{"detach public.events_y2026m01", "drop public.events_y2026m01"});
  CHECK(keeper.chain(settings, plan).kind == Applied::Kind::done);
  CHECK(keeper.plan(settings, later).steps.empty());
}

TEST_CASE("for its grace a detached table stays, and then it is dropped") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_january(database, keeper);
  SUBCASE("detached concurrently") {}
  SUBCASE("detached under a lock") {
    create_default(admin);
  }
  admin.execute("COMMENT ON TABLE public.events_y2026m01 IS 'say \"cheese\"'");
  for (const Applied& applied : keeper.once(graced(36500), later)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m01") == 3);
  CHECK(admin.number("SELECT count(*) FROM public.events") == 0);
  CHECK(marker(admin, "comment") == "say \"cheese\"");
  CHECK(marker(admin, "then") == "drop");
  CHECK(marker(admin, "table") == "public.events");
  CHECK(marker(admin, "bounds") ==
        "FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')");
  const task::Plan waits = keeper.plan(graced(36500), later);
  CHECK(acts(waits) == Words{});
  CHECK(codes(waits.findings) == Words{});
  REQUIRE(waits.details.json()["detached"].size() == 1);
  CHECK(waits.details.json()["detached"][0]["name"] == old_table);
  CHECK(waits.details.json()["detached"][0]["state"] == "detached");
  const task::Plan over = keeper.plan(graced(10), later);
  CHECK(over.details.json()["detached"][0]["state"] == "graced");
  CHECK(acts(over) == Words{"drop public.events_y2026m01"});
  CHECK(keeper.chain(graced(10), over).kind == Applied::Kind::done);
  CHECK_FALSE(admin.value("SELECT to_regclass('public.events_y2026m01')").has_value());
}

TEST_CASE(
    "a detached table that a hold or a longer retention keeps is said, and how to have it "
    "back") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  admin.execute(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''append only''; END';"
      "CREATE TRIGGER no_change BEFORE DELETE ON public.events FOR EACH ROW EXECUTE FUNCTION "
      "public.refuse()");
  config::Partition settings = events();
  settings.ahead = 0;
  std::optional<std::string> comment;
  keeper.once(settings, january);
  keeper.once(settings, later);
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-01-31')");
  settings = graced(10);
  std::string why;
  SUBCASE("hold") {
    settings.hold_query = "SELECT true";
    why = "hold_query keeps it";
  }
  SUBCASE("retention") {
    settings.retention = std::chrono::days{36500};
    why = "it is not past its retention any more";
    comment = "it's a\\ \"test\"";
    admin.execute("COMMENT ON TABLE public.events_y2026m01 IS 'it''s a\\ \"test\"'");
  }
  keeper.once(graced(36500), later);
  const task::Plan plan = keeper.plan(settings, later);
  CHECK(acts(plan) == Words{});
  REQUIRE(codes(plan.findings) == Words{"detached_kept"});
  CHECK(contains(plan.findings[0].text, why));
  CHECK(plan.details.json()["detached"][0]["state"] == "detached");
  const std::string& text = plan.findings[0].text;
  admin.execute(text.substr(text.find("BEGIN;")));
  CHECK(admin.number("SELECT count(*) FROM public.events") == 1);
  // A marker would make it ours when a person detaches it, even before the next pass.
  CHECK(admin.value("SELECT obj_description('public.events_y2026m01'::regclass)") == comment);
  admin.execute("ALTER TABLE public.events DETACH PARTITION public.events_y2026m01");
  CHECK(acts(keeper.plan(graced(10), later)) == Words{});
}

TEST_CASE("what a person attached by hand loses its marker, whatever table it is in") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_january(database, keeper);
  admin.execute("COMMENT ON TABLE public.events_y2026m01 IS 'January'");
  keeper.once(graced(36500), later);
  std::string parent = "public.events";
  std::string bounds = "FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00')";
  config::Partition settings = graced(10);
  std::string how = "DETACH PARTITION public.events_y2026m01";
  std::string back = "ATTACH PARTITION public.events_y2026m01 " + bounds;
  SUBCASE("ours") {
    settings.retention = std::chrono::days{36500};
  }
  SUBCASE("another") {
    parent = "public.events_cold";
    admin.execute("CREATE TABLE public.events_cold (LIKE public.events) PARTITION BY RANGE (at)");
  }
  SUBCASE("two others, in the way of old") {
    parent = "public.events_y2026m01";
    back = "INHERIT public.cold; ALTER TABLE public.events_y2026m01 INHERIT public.colder";
    how = "NO INHERIT public.cold; ALTER TABLE public.events_y2026m01 NO INHERIT public.colder";
    admin.execute(
        "CREATE TABLE public.cold (at timestamptz NOT NULL);"
        "CREATE TABLE public.colder (at timestamptz NOT NULL)");
  }
  admin.execute("ALTER TABLE " + parent + " " + back);
  CHECK(acts(keeper.plan(settings, later)) == Words{"unmark public.events_y2026m01"});
  for (const Applied& applied : keeper.once(settings, later)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(admin.value("SELECT obj_description('public.events_y2026m01'::regclass)") == "January");
  CHECK(acts(keeper.plan(settings, later)) == Words{});
  admin.execute("ALTER TABLE " + parent + " " + how);
  CHECK(acts(keeper.plan(graced(10), later)) == Words{});
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m01") == 3);
}

TEST_CASE("a marker stays on what was taken out of the other table before it could be removed") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_detached(database, keeper);
  admin.execute(
      "CREATE TABLE public.other (LIKE public.events) PARTITION BY RANGE (at);"
      "ALTER TABLE public.other ATTACH PARTITION public.events_y2026m01 DEFAULT");
  const task::Plan plan = keeper.plan(graced(10), later);
  REQUIRE(acts(plan) == Words{"unmark public.events_y2026m01"});
  admin.execute("ALTER TABLE public.other DETACH PARTITION public.events_y2026m01");
  const Applied applied = keeper.chain(graced(10), plan);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"changed_meanwhile"});
  CHECK(marker(admin, "then") == "drop");
}

TEST_CASE("what changes between plan and drop keeps a detached table") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_detached(database, keeper);
  config::Partition settings = graced(10);
  admin.execute(
      "CREATE TABLE public.hold (on_hold bool); INSERT INTO public.hold VALUES (false);"
      "GRANT SELECT ON public.hold TO PUBLIC");
  settings.hold_query = "SELECT on_hold FROM public.hold";
  const task::Plan plan = keeper.plan(settings, later);
  REQUIRE(acts(plan) == Words{"drop public.events_y2026m01"});
  std::string code = "changed_meanwhile";
  SUBCASE("a hold") {
    admin.execute("UPDATE public.hold SET on_hold = true");
    code = "held";
  }
  SUBCASE("attached again") {
    admin.execute(
        "ALTER TABLE public.events ATTACH PARTITION public.events_y2026m01 FOR VALUES FROM "
        "('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00')");
  }
  SUBCASE("attached to another table") {
    admin.execute(
        "CREATE TABLE public.other (LIKE public.events) PARTITION BY RANGE (at);"
        "ALTER TABLE public.other ATTACH PARTITION public.events_y2026m01 DEFAULT");
  }
  SUBCASE("another comment") {
    admin.execute("COMMENT ON TABLE public.events_y2026m01 IS 'mine now'");
  }
  SUBCASE("a foreign key") {
    admin.execute(
        "CREATE TABLE public.zones (id bigint PRIMARY KEY); INSERT INTO public.zones "
        "VALUES (1), (2), (3); ALTER TABLE public.events_y2026m01 ADD FOREIGN KEY (id) "
        "REFERENCES public.zones");
  }
  const Applied applied = keeper.chain(settings, plan);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{code});
  CHECK(admin.number("SELECT count(*) FROM ONLY public.events_y2026m01") == 3);
}

TEST_CASE("a detached table is known by OID and marker, whatever it is called") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_detached(database, keeper);
  SUBCASE("renamed and moved") {
    admin.execute(
        "CREATE SCHEMA attic AUTHORIZATION pgc_owner; ALTER TABLE public.events_y2026m01 RENAME TO "
        "\"Old \"\"One\"; ALTER TABLE public.\"Old \"\"One\" SET SCHEMA attic");
    const task::Plan plan = keeper.plan(graced(10), later);
    REQUIRE(acts(plan) == Words{"drop attic.\"Old \"\"One\""});
    CHECK(keeper.chain(graced(10), plan).kind == Applied::Kind::done);
    CHECK(admin.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'Old%'") == 0);
  }
  SUBCASE("a copy of its comment marks nothing") {
    const auto comment =
        admin.value("SELECT quote_literal(obj_description('public.events_y2026m01'::regclass))");
    admin.execute(
        "ALTER TABLE public.events_y2026m01 RENAME TO aside; COMMENT ON TABLE public.aside IS "
        "NULL; CREATE TABLE public.events_y2026m01 (id int); ALTER TABLE public.events_y2026m01 "
        "OWNER TO pgc_owner; COMMENT ON TABLE public.events_y2026m01 IS " +
        comment.value());
    CHECK(acts(keeper.plan(graced(10), later)) == Words{});
  }
  SUBCASE("a comment that somebody has broken marks nothing") {
    admin.execute(
        "COMMENT ON TABLE public.events_y2026m01 IS 'pgcaretaker: {\"parent\": 1, broken'");
    CHECK(acts(keeper.plan(graced(10), later)) == Words{});
  }
  SUBCASE("another configured table does not take it for its own") {
    admin.execute(
        "CREATE TABLE public.others (LIKE public.events) PARTITION BY RANGE (at);"
        "ALTER TABLE public.others OWNER TO pgc_owner");
    config::Partition settings = graced(10);
    settings.table = {"public", "others"};
    CHECK(subjects(keeper.plan(settings, later)) == Words{"create public.others_y2090m01"});
  }
}

TEST_CASE("expire = detach ends with a guarded table that later passes leave alone") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_january(database, keeper);
  admin.execute("GRANT SELECT ON public.events_y2026m01 TO pgc_caretaker");
  config::Partition settings = graced(0);
  settings.expire = config::Expire::detach;
  keeper.once(settings, later);
  CHECK(marker(admin, "then") == "keep");
  CHECK(admin.value("SELECT has_table_privilege('pgc_caretaker', 'public.events_y2026m01', "
                    "'SELECT') AND NOT pg_has_role('pgc_caretaker', 'pgc_owner', 'USAGE')") == "f");
  CHECK(admin.value("SELECT relforcerowsecurity FROM pg_class WHERE relname = "
                    "'events_y2026m01'") == "t");
  admin.execute("ALTER TABLE public.events_y2026m01 NO FORCE ROW LEVEL SECURITY");
  CHECK(acts(keeper.plan(settings, later)) == Words{});
  settings.expire = config::Expire::drop;
  CHECK(acts(keeper.plan(settings, later)) == Words{});
  CHECK(sample(keeper.plan(settings, later),
               telemetry::Metric::partition_retention_overdue_seconds) == 0);
}

TEST_CASE("a foreign key to a table in use is dropped by itself, before the table is") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute("CREATE TABLE public.zones (id bigint PRIMARY KEY)");
  Keeper keeper{database.options()};
  create_january(database, keeper);
  admin.execute(
      "ALTER TABLE public.zones OWNER TO pgc_owner;"
      "ALTER TABLE public.events ADD zone bigint REFERENCES public.zones;"
      "ALTER TABLE public.events_y2026m01 ADD CONSTRAINT other FOREIGN KEY (zone) REFERENCES "
      "public.zones");
  config::Partition settings = graced(0);
  settings.lock_timeout = std::chrono::milliseconds{50};
  const task::Plan plan = keeper.plan(settings, later);
  REQUIRE(acts(plan) == Words{"detach public.events_y2026m01", "release public.events_y2026m01",
                              "release public.events_y2026m01", "drop public.events_y2026m01"});
  CHECK(plan.steps[1].locks.back().mode == pg::LockMode::access_exclusive);
  REQUIRE(keeper.apply(settings, plan.steps[0]).kind == Applied::Kind::done);
  Admin reader{database.name()};
  reader.execute("BEGIN; SELECT count(*) FROM public.zones");
  CHECK(keeper.apply(settings, plan.steps[1]).kind == Applied::Kind::yielded);
  CHECK(keeper.apply(settings, plan.steps[3]).kind == Applied::Kind::yielded);
  reader.execute("COMMIT");
  const task::Plan rest = keeper.plan(settings, later);
  CHECK(acts(rest) == Words{"release public.events_y2026m01", "release public.events_y2026m01",
                            "drop public.events_y2026m01"});
  CHECK(keeper.chain(settings, rest).kind == Applied::Kind::done);
  CHECK(keeper.plan(settings, later).steps.empty());
}

TEST_CASE("a table whose foreign key points to ours keeps all partitions and is named") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_january(database, keeper);
  admin.execute(
      "CREATE TABLE public.notes (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES "
      "public.events)");
  const task::Plan plan = keeper.plan(graced(0), later);
  CHECK(acts(plan) == Words{});
  REQUIRE(codes(plan.findings) == Words{"referenced"});
  CHECK(contains(plan.findings[0].text, "public.notes"));
}

TEST_CASE("a pending detach of ours is finished, one of somebody else is reported") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_january(database, keeper);
  const task::Plan plan = keeper.plan(graced(0), later);
  bool is_ours = false;
  SUBCASE("ours") {
    is_ours = true;
    keeper.apply(graced(0), plan.steps[0]);
  }
  SUBCASE("somebody else's") {}
  Admin reader{database.name()};
  reader.execute("BEGIN; SELECT count(*) FROM public.events");
  Admin detacher{database.name()};
  detacher.execute("SET lock_timeout = '50ms'");
  CHECK_THROWS(detacher.execute(
      "ALTER TABLE public.events DETACH PARTITION public.events_y2026m01 CONCURRENTLY"));
  reader.execute("COMMIT");
  const task::Plan found = keeper.plan(graced(0), later);
  if (!is_ours) {
    CHECK(acts(found) == Words{});
    CHECK(codes(found.findings) == Words{"detach_pending"});
    return;
  }
  CHECK(codes(found.findings) == Words{});
  CHECK(acts(found) == Words{"finish public.events_y2026m01", "drop public.events_y2026m01"});
  CHECK(keeper.chain(graced(0), found).kind == Applied::Kind::done);
  CHECK(keeper.plan(graced(0), later).steps.empty());
  CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 0);
}

TEST_CASE("a concurrent detach gives way when its time is over, and leaves the session as it was") {
  TestDatabase database;
  Keeper keeper{database.options()};
  create_january(database, keeper);
  const task::Plan plan = keeper.plan(graced(0), later);
  keeper.apply(graced(0), plan.steps[0]);
  Admin holder{database.name()};
  holder.execute("BEGIN; LOCK TABLE public.events IN SHARE UPDATE EXCLUSIVE MODE");
  partition::PartitionTask task{graced(0)};
  task::Applied applied;
  task::Surroundings around = surroundings();
  around.pass_started -= std::chrono::hours{1};  // so that the least time is left
  run(keeper.loop(), task.apply(keeper.connection(), plan.steps[1], around, applied));
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"detach_interrupted"});
  CHECK(keeper.connection().state() == pg::SessionState::ready);
  const pg::Result after =
      run(keeper.loop(), keeper.connection().query("test.timeouts",
                                                   "SELECT current_setting('statement_timeout') || "
                                                   "current_setting('lock_timeout') AS value"));
  CHECK(after.only_row().get<std::string>("value") != "10s0");
}
