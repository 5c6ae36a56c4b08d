// SPDX-License-Identifier: Apache-2.0
// No act without its row, no row without its act.
#include "support/journal.hpp"
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

config::Journal journal(bool required = false) {
  return {config::TableName{"pgcaretaker", "journal"}, required};
}

class Writer {
 public:
  explicit Writer(pg::ConnectOptions options) : keeper{std::move(options)} {}

  task::Plan plan(const config::Partition& settings, UtcTime as_of, bool required = false) {
    partition::PartitionTask task{settings, journal(required)};
    return run(keeper.loop(), task.plan(keeper.connection(), as_of));
  }
  void once(const config::Partition& settings, UtcTime as_of) {
    const task::Plan found = plan(settings, as_of);
    for (const task::Step& step : found.steps) {
      CHECK(keeper.apply(settings, step).kind == task::Applied::Kind::done);
    }
  }

  Keeper keeper;
};

Words written(Admin& admin, const std::string& columns) {
  return admin.column("SELECT concat_ws(' ', " + columns +
                      ") FROM pgcaretaker.journal ORDER BY id");
}

}  // namespace

TEST_CASE("each act on a partition leaves its row") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  load_journal(database);
  Writer writer{database.options()};
  writer.once(events(), january);
  CHECK(written(admin, "action, subject, bounds") ==
        Words{"create public.events_y2026m01 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO "
              "('2026-02-01 00:00:00+00')",
              "create public.events_y2026m02 FOR VALUES FROM ('2026-02-01 00:00:00+00') TO "
              "('2026-03-01 00:00:00+00')"});
  CHECK(written(admin, "login, role, task") ==
        Words(2, "pgc_caretaker pgc_owner partition:public.events"));
  CHECK(admin.number("SELECT count(DISTINCT plan_id) FROM pgcaretaker.journal") == 1);
  CHECK(admin.number(
            "SELECT count(*) FROM pgcaretaker.journal WHERE host <> '' AND reason <> ''") == 2);
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-01-20'); ANALYZE");
  config::Partition settings = short_lived_events();
  SUBCASE("drop") {}
  SUBCASE("detach") {
    settings.expire = config::Expire::detach;
  }
  writer.once(settings, november);
  const std::string gone = settings.expire == config::Expire::drop ? "drop" : "detach";
  CHECK(written(admin, "action, subject, rows").back() == gone + " public.events_y2026m02 0");
  CHECK(admin.number("SELECT count(*) FROM pgcaretaker.journal WHERE action = '" + gone +
                     "' AND rows = 1 AND bytes > 0") == 1);
  CHECK(admin.number("SELECT count(DISTINCT plan_id) FROM pgcaretaker.journal") == 2);
}

TEST_CASE(
    "what is rolled back leaves no row; where it is required, what cannot be written is not done") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  load_journal(database);
  Writer writer{database.options()};
  writer.once(events(), january);
  create_default(admin);
  const auto plan = writer.plan(short_lived_events(), november, true);
  REQUIRE(plan.steps.back().action == "drop");
  const auto retire = [&] { return writer.keeper.chain(short_lived_events(), plan).kind; };
  SUBCASE("the act is refused") {
    admin.execute("ALTER TABLE " + plan.steps.back().subject + " RENAME TO renamed");
    CHECK(retire() != task::Applied::Kind::done);
  }
  SUBCASE("the row is refused") {
    admin.execute("ALTER TABLE pgcaretaker.journal ADD CHECK (action <> 'detach')");
    CHECK_THROWS_AS(retire(), pg::Error);
  }
  SUBCASE("the journal has gone") {
    admin.execute("DROP TABLE pgcaretaker.journal");
    CHECK_THROWS_AS(retire(), pg::Error);
    load_journal(database);
  }
  CHECK(names(admin).size() == 3);
  CHECK(admin.number("SELECT count(*) FROM pgcaretaker.journal WHERE action <> 'create'") == 0);
}

TEST_CASE("a row that cannot be written is said, and keeps nothing from being done") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  load_journal(database);
  Writer writer{database.options()};
  Keeper& keeper = writer.keeper;
  writer.once(events(), january);
  create_default(admin);
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-10-10')");
  Admin other{database.name()};
  std::string why;
  std::string trigger =
      "CREATE FUNCTION public.in_the_way() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN %; RETURN NULL; END$$; CREATE TRIGGER in_the_way BEFORE INSERT ON "
      "pgcaretaker.journal FOR EACH ROW EXECUTE FUNCTION public.in_the_way()";
  const auto trigger_that = [&](const std::string& does) {
    admin.execute(trigger.replace(trigger.find('%'), 1, does));
  };
  SUBCASE("a trigger that raises") {
    trigger_that("RAISE EXCEPTION 'not today'");
    why = "not today";
  }
  SUBCASE("a trigger that swallows it") {
    trigger_that("NULL");
    why = "did not arrive";
  }
  SUBCASE("a trigger that takes its time") {
    trigger_that("PERFORM pg_sleep(60)");
    why = "statement timeout";
  }
  SUBCASE("row-level security") {
    admin.execute("ALTER TABLE pgcaretaker.journal ENABLE ROW LEVEL SECURITY");
    why = "row-level security";
  }
  SUBCASE("somebody's lock") {
    other.execute("BEGIN; LOCK TABLE pgcaretaker.journal IN ACCESS EXCLUSIVE MODE");
    why = "lock timeout";
  }
  const auto start = std::chrono::steady_clock::now();
  const task::Plan plan = writer.plan(short_lived_events(), november);
  CHECK(acts(plan) == Words{"create public.events_y2026m11", "create public.events_y2026m12",
                            "detach public.events_y2026m01", "drop public.events_y2026m01",
                            "detach public.events_y2026m02", "drop public.events_y2026m02",
                            "drain public.events_y2026m10"});
  for (const task::Step& step : plan.steps) {
    const task::Applied applied = keeper.apply(short_lived_events(), step);
    CAPTURE(step.action);
    CHECK(applied.kind == task::Applied::Kind::done);
    REQUIRE(codes(applied.findings) == Words{"journal_failed"});
    CHECK(applied.findings[0].severity == task::Severity::warning);
    CHECK(contains(applied.findings[0].text, why));
  }
  // No step waits for longer than the journal's own short limits.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{20});
  CHECK(keeper.connection().state() == pg::SessionState::ready);
  CHECK(names(admin) ==
        Words{"events_default", "events_y2026m10", "events_y2026m11", "events_y2026m12"});
  if (why == "lock timeout") other.execute("ROLLBACK");
  CHECK(admin.number("SELECT count(*) FROM pgcaretaker.journal") == 2);
}

TEST_CASE("a row of the journal leaves the limits of its transaction as they are") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  load_journal(database);
  Writer writer{database.options()};
  writer.once(events(), january);
  admin.execute(
      "CREATE TABLE public.seen (limits text); GRANT INSERT ON public.seen TO PUBLIC;"
      "CREATE FUNCTION public.events_drop(part text) RETURNS void LANGUAGE plpgsql AS $$BEGIN "
      "INSERT INTO public.seen SELECT current_setting('lock_timeout') || ' ' || "
      "current_setting('statement_timeout'); EXECUTE 'DROP TABLE public.' || part; END$$");
  SUBCASE("written") {}
  SUBCASE("not written") {
    admin.execute("ALTER TABLE pgcaretaker.journal ADD CHECK (action <> 'drop')");
  }
  config::Partition settings = short_lived_events();
  settings.drop_function = {"public", "events_drop"};
  const auto drop_last = [&](const task::Plan& plan) {
    REQUIRE(plan.steps.back().action == "drop");
    CHECK(writer.keeper.apply(settings, plan.steps.back()).kind == task::Applied::Kind::done);
    return admin.value("SELECT string_agg(limits, ', ') FROM public.seen").value_or("");
  };
  const std::string with_journal = drop_last(writer.plan(settings, november));
  CHECK(contains(with_journal, "5s "));
  CHECK(drop_last(writer.keeper.plan(settings, november)) == with_journal + ", " + with_journal);
}

TEST_CASE("without a journal acts go on and it is said, unless it is required") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Writer writer{database.options()};
  writer.once(events(), january);
  SUBCASE("there is none") {}
  SUBCASE("we may not add to it") {
    load_journal(database);
    admin.execute("REVOKE INSERT ON pgcaretaker.journal FROM pgc_owner");
  }
  const task::Plan plan = writer.plan(short_lived_events(), november);
  CHECK(subjects(plan).size() == 4);
  REQUIRE(codes(plan.findings) == Words{"no_journal"});
  CHECK(plan.findings[0].severity == task::Severity::warning);
  CHECK(contains(plan.findings[0].text, "acts are not written down because pgcaretaker.journal"));
  const task::Plan only_creates = writer.plan(events(), november);
  REQUIRE(codes(only_creates.findings) == Words{"no_journal"});
  CHECK(only_creates.findings[0].severity == task::Severity::info);
  const task::Plan strict = writer.plan(short_lived_events(), november, true);
  CHECK(subjects(strict) ==
        Words{"create public.events_y2026m11", "create public.events_y2026m12"});
  REQUIRE(codes(strict.findings) == Words{"no_journal"});
  CHECK(strict.findings[0].severity == task::Severity::critical);
  create_default(admin);
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-10-10')");
  CHECK(acts(writer.plan(events(), november)).back() == "drain public.events_y2026m10");
  const task::Plan kept = writer.plan(events(), november, true);
  CHECK(subjects(kept) == Words{"create public.events_y2026m11", "create public.events_y2026m12"});
  CHECK(codes(kept.findings) == Words{"not_rescued", "no_journal", "default_rows"});
}

TEST_CASE("nobody changes the journal, and loading it again changes nothing") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  load_journal(database);
  Writer writer{database.options()};
  writer.once(events(), january);
  load_journal(database);
  for (const char* const change :
       {"UPDATE pgcaretaker.journal SET reason = ''", "DELETE FROM pgcaretaker.journal",
        "TRUNCATE pgcaretaker.journal",
        "SET session_replication_role = replica; DELETE FROM pgcaretaker.journal"}) {
    CAPTURE(change);
    CHECK_THROWS(admin.execute(change));
  }
  // As pg_dump does.
  admin.execute("SET ROLE pgc_owner; SELECT * FROM pgcaretaker.journal_id_seq; RESET ROLE");
  CHECK(admin.number("SELECT count(*) FROM pgcaretaker.journal") == 2);
}

TEST_CASE("bounds of numbers are written down as PostgreSQL writes them, reasons in times") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin, "bigint");
  load_journal(database);
  Writer writer{database.options()};
  config::Partition settings = events();
  settings.key = config::KeyForm::seconds;
  settings.ahead = 0;
  writer.once(settings, november);
  CHECK(written(admin, "bounds, reason") ==
        Words{"FOR VALUES FROM ('1793491200') TO ('1796083200') no partition takes the rows of "
              "today: 2026-11-01 to 2026-12-01 is free"});
}
