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

TEST_CASE("what is rolled back leaves no row, and what cannot be written down is not done") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  load_journal(database);
  Writer writer{database.options()};
  writer.once(events(), january);
  create_default(admin);
  const auto plan = writer.plan(short_lived_events(), november);
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
  CHECK(plan.findings[0].severity == task::Severity::info);
  CHECK(contains(plan.findings[0].text, "acts are not written down because pgcaretaker.journal"));
  const task::Plan strict = writer.plan(short_lived_events(), november, true);
  CHECK(subjects(strict) ==
        Words{"create public.events_y2026m11", "create public.events_y2026m12"});
  REQUIRE(codes(strict.findings) == Words{"no_journal"});
  CHECK(strict.findings[0].severity == task::Severity::critical);
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
