// SPDX-License-Identifier: Apache-2.0
// Rows of the default partition move into partitions of their own, whoever is at the table.
#include <algorithm>
#include <atomic>
#include <thread>

#include "afterwards_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;
using task::Applied;
using task::Severity;

namespace {

/// A window that stands, and `rows` of October in the default.
void strand_october(Admin& admin, Keeper& keeper, int rows) {
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  admin.execute(
      "INSERT INTO public.events SELECT g, '2026-10-15', 'note ' || g FROM "
      "generate_series(1, " +
      std::to_string(rows) + ") AS g");
}

config::Partition impatient_events() {
  config::Partition settings = events();
  settings.lock_timeout = 50ms;
  return settings;
}

long long in_default(Admin& admin) {
  return admin.number("SELECT count(*) FROM public.events_default");
}

/// 400 rows of October in the default, of which the first moves at once and the last after twenty
/// seconds.
void strand_slow_october(Kept& kept) {
  Keeper keeper{kept.database.options()};
  strand_october(kept.admin(), keeper, 400);
  kept.admin().execute(
      "CREATE FUNCTION public.slow(value bigint) RETURNS boolean LANGUAGE plpgsql AS "
      "'BEGIN PERFORM pg_catalog.pg_sleep(0.05); RETURN true; END';"
      "ALTER TABLE public.events ADD CONSTRAINT slow CHECK (public.slow(id)) NOT VALID");
}

/// A pass that another session's statement stops in the middle of a drain.
task::Report drain_until(Kept& kept, const char* other) {
  std::thread coming{[&] {
    until(kept.database.name(),
          "EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'pgcaretaker%' AND "
          "wait_event = 'PgSleep' AND query LIKE 'WITH moved%')");
    Admin session{kept.database.name()};
    session.execute(other);
  }};
  const SteadyTime start = kept.clock.now();
  partition::PartitionTask task{impatient_events()};
  task::PassOptions options;
  options.as_of = november;
  task::Report report = run(kept.loop, task::run_pass(task, kept.pool, kept.clock, options));
  coming.join();
  CHECK(kept.clock.now() - start < 15s);
  REQUIRE_FALSE(report.acts.empty());
  CHECK(report.acts.front().action + " " + report.acts.front().result == "drain yielded");
  return report;
}

/// Until some session waits for a lock.
void await_waiter(Admin& admin) {
  while (admin.number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
  }
}

}  // namespace

TEST_CASE(
    "rows of a month outside the window get a partition of their own, and nothing else moves") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 1000);
  admin.execute(
      "INSERT INTO public.events VALUES (7, '2026-11-07'), (8, '2026-08-31'), "
      "(9, '2026-09-01')");
  const std::string before = contents(admin);
  const task::Plan plan = keeper.plan(events(), november);
  REQUIRE(subjects(plan) == Words{"drain public.events_y2026m08", "drain public.events_y2026m09",
                                  "drain public.events_y2026m10"});
  CHECK(contains(plan.steps[2].reason, "1000 rows of 2026-10-01 to 2026-11-01"));
  const Applied applied = keeper.apply(events(), plan.steps[2]);
  CHECK(changes(applied) == Words{"rescued", "attached"});
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(applied.rows == 1000);
  CHECK(applied.findings.empty());
  CHECK(in_default(admin) == 2);
  for (const task::Step& step : {plan.steps[0], plan.steps[1]}) {
    CHECK(keeper.apply(events(), step).kind == Applied::Kind::done);
  }
  CHECK(contents(admin) == before);
  CHECK(in_default(admin) == 0);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m10") == 1000);
  CHECK(admin.number("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pgcaretaker%'") == 0);
  CHECK(keeper.plan(events(), november).steps.empty());
}

TEST_CASE("the missing partitions of today and tomorrow come in the pass that drains their rows") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  create_default(admin);
  admin.execute(
      "INSERT INTO public.events VALUES (1, '2026-11-20'), (2, '2026-12-31 23:59:59+00'),"
      "(3, '2027-01-01 00:00+00')");
  const std::string before = contents(admin);
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.ahead = 3;
  for (const Applied& applied : keeper.once(settings, november)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(names(admin) == Words{"events_default", "events_y2026m11", "events_y2026m12",
                              "events_y2027m01", "events_y2027m02"});
  CHECK(in_default(admin) == 0);
  CHECK(contents(admin) == before);
  const task::Plan plan = keeper.plan(settings, november);
  CHECK(plan.steps.empty());
  CHECK(plan.findings.empty());
}

TEST_CASE("rows that a free piece between odd partitions takes are drained into just that piece") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin, "date");
  create_default(admin);
  admin.execute(
      "CREATE TABLE public.odd PARTITION OF public.events FOR VALUES FROM ('2026-10-10') "
      "TO ('2026-10-20'); ALTER TABLE public.odd OWNER TO pgc_owner;"
      "INSERT INTO public.events VALUES (1, '2026-10-09'), (2, '2026-10-10'), "
      "(3, '2026-10-20')");
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.name = "{table}_%Y%m%d";
  const task::Plan plan = keeper.plan(settings, november);
  CHECK(subjects(plan) == Words{"create public.events_20261101", "create public.events_20261201",
                                "drain public.events_20261001", "drain public.events_20261020"});
  keeper.once(settings, november);
  CHECK(in_default(admin) == 0);
  CHECK(partitions(admin)[0] == "events_20261001 FOR VALUES FROM ('2026-10-01') TO ('2026-10-10')");
}

TEST_CASE("rows come over unchanged whatever the columns are like") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute(
      "SET ROLE pgc_owner;"
      "CREATE TABLE public.events (gone text, id bigint GENERATED ALWAYS AS IDENTITY,"
      "  at timestamp NOT NULL, twice bigint GENERATED ALWAYS AS (weight * 2) STORED,"
      "  weight bigint DEFAULT 5, \"Odd \"\"Name\" jsonb) PARTITION BY RANGE (at);"
      "ALTER TABLE public.events DROP COLUMN gone;"
      "CREATE TABLE public.events_default (\"Odd \"\"Name\" jsonb, weight bigint, dead int, "
      "  at timestamp NOT NULL, id bigint NOT NULL,"
      "  twice bigint GENERATED ALWAYS AS (weight * 2) STORED);"
      "ALTER TABLE public.events_default DROP COLUMN dead;"
      "ALTER TABLE public.events ATTACH PARTITION public.events_default DEFAULT;"
      "INSERT INTO public.events (at, weight, \"Odd \"\"Name\") SELECT '2026-10-01', "
      "  nullif(g, 3), CASE WHEN g <> 4 THEN '{\"a\": 1}'::jsonb END "
      "  FROM generate_series(1, 10) AS g;"
      "RESET ROLE");
  const std::string before = contents(admin);
  Keeper keeper{database.options()};
  for (const Applied& applied : keeper.once(events(), november)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(in_default(admin) == 0);
  CHECK(contents(admin) == before);
  admin.execute("INSERT INTO public.events (at) VALUES ('2026-10-02')");
  CHECK(admin.number("SELECT max(id) FROM public.events") == 11);
}

TEST_CASE("keys without a place in the calendar stay, and the others are drained") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute(
      "CREATE TABLE public.events (id bigint, at timestamptz, note text) PARTITION BY RANGE (at);"
      "ALTER TABLE public.events OWNER TO pgc_owner");
  create_default(admin);
  admin.execute(
      "INSERT INTO public.events VALUES (1, NULL), (2, 'infinity'), (3, '-infinity'), "
      "(4, '0044-03-15 BC'), (5, '2026-10-15'), (6, '1969-12-31')");
  Keeper keeper{database.options()};
  keeper.once(events(), november);
  CHECK(in_default(admin) == 4);
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(plan.steps.empty());
  CHECK(codes(plan.findings) == Words{"default_rows"});
}

TEST_CASE("writers and readers go on throughout, and no count ever goes back") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 30'000);
  admin.execute("ANALYZE public.events_default");
  std::atomic<bool> stop = false;
  std::atomic<int> late = 0;
  std::atomic<int> elsewhere = 0;
  std::atomic<int> backwards = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> read = 0;
  const auto write = [&](const char* at, std::atomic<int>& written, int first) {
    Admin writer{database.name()};
    try {
      while (!stop) {
        writer.execute("INSERT INTO public.events VALUES (" + std::to_string(first + written) +
                       ", '" + at + "')");
        ++written;
      }
    } catch (const std::exception&) {
      ++refused;
    }
  };
  std::thread late_writer{write, "2026-10-20", std::ref(late), 1'000'000};
  std::thread other_writer{write, "2026-11-20", std::ref(elsewhere), 2'000'000};
  std::thread reader{[&] {
    Admin session{database.name()};
    for (long long last = 0; !stop; ++read) {
      const long long count = session.number("SELECT count(*) FROM public.events");
      if (count < last) ++backwards;
      last = count;
    }
  }};
  while (late < 10 || elsewhere < 10 || read < 3) {
  }
  config::Partition settings = events();
  settings.patience = 10s;
  const auto applied = keeper.once(settings, november);
  const int late_before = late;
  while (late < late_before + 10 && refused == 0) {
  }
  stop = true;
  late_writer.join();
  other_writer.join();
  reader.join();
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].kind == Applied::Kind::done);
  CHECK(applied[0].rows >= 30'000);
  CHECK(backwards == 0);
  CHECK(refused == 0);
  CHECK(in_default(admin) == 0);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m10") == 30'000 + late);
  CHECK(admin.number("SELECT count(DISTINCT id) FROM public.events") == 30'000 + late + elsewhere);
}

TEST_CASE("late rows that were not committed when the move began come over under the lock") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  Admin writer{database.name()};
  writer.execute("BEGIN; INSERT INTO public.events VALUES (99, '2026-10-31')");
  std::thread committer{[&] {
    Admin watcher{database.name()};
    await_waiter(watcher);
    writer.execute("COMMIT");
  }};
  const auto applied = keeper.once(events(), november);
  committer.join();
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].rows == 11);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m10") == 11);
}

TEST_CASE("a failed try for the last lock keeps the moved rows, and a later try takes it") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  config::Partition settings = impatient_events();
  task::Step step = keeper.plan(settings, november).steps.at(0);
  // Somebody comes to the table while the rows are being moved: before the lock is asked for.
  const auto swap =
      std::ranges::find(step.statements, "partition.swap_lock", &task::Statement::name);
  step.statements.insert(swap, {"test.gate", "SET LOCAL lock_timeout = 0", {}, {}});
  step.statements.insert(
      std::ranges::find(step.statements, "partition.swap_lock", &task::Statement::name),
      {"test.gate", "SELECT pg_catalog.pg_advisory_xact_lock(42)", {}, {}});
  admin.execute("SELECT pg_advisory_lock(42)");
  Admin writer{database.name()};
  long long seen = 0;
  std::thread holder{[&] {
    Admin watcher{database.name()};
    await_waiter(watcher);
    // The rows are moved, and nobody has noticed.
    writer.execute("SET lock_timeout = '1ms'");
    seen = writer.number("SELECT count(*) FROM public.events");
    writer.execute("INSERT INTO public.events VALUES (98, '2026-11-01')");
    writer.execute("BEGIN; INSERT INTO public.events VALUES (99, '2026-10-31')");
    admin.execute("SELECT pg_advisory_unlock(42)");
    const std::string looked = "SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                               std::to_string(keeper.connection().backend_pid()) +
                               " AND query LIKE 'RELEASE SAVEPOINT%' AND state = 'idle in "
                               "transaction'";
    while (watcher.number(looked) == 0) {
    }
    writer.execute("COMMIT");
  }};
  const Applied applied = keeper.apply(settings, step);
  holder.join();
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(applied.rows == 11);
  CHECK(seen == 10);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m10") == 11);
}

TEST_CASE("behind a reader of the default nothing is moved, and nobody waits") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  Admin reader{database.name()};
  reader.execute("BEGIN; SELECT count(*) FROM public.events_default");
  while (admin.number("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                      "AND clock_timestamp() - xact_start > interval '50ms'") == 0) {
  }
  const auto applied = keeper.once(impatient_events(), november);
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].kind == Applied::Kind::yielded);
  REQUIRE(codes(applied[0].findings) == Words{"lock_timeout"});
  CHECK(applied[0].findings[0].severity == Severity::info);
  CHECK(in_default(admin) == 10);
  CHECK(admin.number("SELECT n_tup_del FROM pg_stat_all_tables WHERE relname = 'events_default'") ==
        0);
  reader.execute("COMMIT");
  CHECK(keeper.once(impatient_events(), november).at(0).kind == Applied::Kind::done);
}

TEST_CASE(
    "a row that somebody else has locked is waited for shortly, and then all stays as it was") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  const task::Plan plan = keeper.plan(impatient_events(), november);
  Admin writer{database.name()};
  writer.execute("BEGIN; UPDATE public.events SET note = 'changed' WHERE id = 3");
  const Applied applied = keeper.apply(impatient_events(), plan.steps.at(0));
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"lock_timeout"});
  writer.execute("COMMIT");
  CHECK(in_default(admin) == 10);
  CHECK(keeper.once(impatient_events(), november).at(0).kind == Applied::Kind::done);
  CHECK(admin.value("SELECT note FROM public.events WHERE id = 3") == "changed");
}

TEST_CASE(
    "an append-only table is not drained, and the finding names its trigger and the way out") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  admin.execute(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE EXCEPTION 'events are for ever'; END $$;"
      "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON public.events "
      "FOR EACH ROW EXECUTE FUNCTION public.refuse()");
  const std::string before = contents(admin);
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(plan.steps.empty());
  REQUIRE(codes(plan.findings) == Words{"not_rescued", "default_rows"});
  CHECK(contains(plan.findings[0].text, "trigger append_only (public.refuse)"));
  CHECK(contains(plan.findings[0].text, "\"adopt\""));
  CHECK(contents(admin) == before);
}

TEST_CASE("a column that came after the plan is moved with its values, by the next plan") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  const task::Plan plan = keeper.plan(events(), november);
  admin.execute(
      "ALTER TABLE public.events ADD tenant bigint, ADD key uuid NOT NULL DEFAULT "
      "gen_random_uuid(); UPDATE public.events SET tenant = id * 7");
  const std::string before = contents(admin);
  const Applied applied = keeper.apply(events(), plan.steps.at(0));
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(contents(admin) == before);
  CHECK(in_default(admin) == 10);
  keeper.once(events(), november);
  CHECK(in_default(admin) == 0);
  CHECK(contents(admin) == before);
}

TEST_CASE("a drain makes way for whoever waits for the table, and moves nothing then") {
  Kept kept;
  strand_slow_october(kept);
  const std::string before = contents(kept.admin());
  const task::Report report =
      drain_until(kept, "ALTER TABLE public.events ALTER note SET STATISTICS 7");
  CHECK(contains(finding_of(report.findings, "made_way").text, " waits for it"));
  CHECK(contents(kept.admin()) == before);
  CHECK(in_default(kept.admin()) == 400);
  CHECK(kept.admin().number("SELECT count(*) FROM pg_class WHERE relname = 'events_y2026m10'") ==
        0);
}

TEST_CASE("a drain makes way for whoever waits for a row that it has moved, since it is in vain") {
  Kept kept;
  strand_slow_october(kept);
  const task::Report report = drain_until(kept, "DELETE FROM public.events WHERE id = 1");
  CHECK(contains(finding_of(report.findings, "made_way").text, " waits for it"));
  CHECK(in_default(kept.admin()) == 399);
}

TEST_CASE("a trigger that came after the plan rolls the drain back") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  const task::Plan plan = keeper.plan(events(), november);
  admin.execute(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RETURN NULL; END $$;"
      "CREATE TRIGGER keep BEFORE DELETE ON public.events_default "
      "FOR EACH ROW EXECUTE FUNCTION public.refuse()");
  const Applied applied = keeper.apply(events(), plan.steps.at(0));
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"changed_meanwhile"});
  CHECK(in_default(admin) == 10);
}

TEST_CASE("rows that another table points to are not moved, which would delete what points there") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  admin.execute(
      "CREATE TABLE public.acks (id bigint, at timestamptz, "
      "FOREIGN KEY (id, at) REFERENCES public.events ON DELETE CASCADE);"
      "INSERT INTO public.acks SELECT id, at FROM public.events");
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(plan.steps.empty());
  CHECK(contains(plan.findings.at(0).text, "public.acks has a foreign key to the table"));
  CHECK(admin.number("SELECT count(*) FROM public.acks") == 10);
}

TEST_CASE("an expired month is drained in one pass and dropped as a partition in the next") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 3);
  admin.execute("INSERT INTO public.events VALUES (1, '2026-01-15'), (2, '2026-01-16')");
  config::Partition settings = short_lived_events();
  CHECK(keeper.once(settings, november).size() == 2);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m01") == 2);
  CHECK(subjects(keeper.plan(settings, november)) == Words{"drop public.events_y2026m01"});
  keeper.once(settings, november);
  CHECK(admin.number("SELECT count(*) FROM public.events") == 3);
}

TEST_CASE("the drain's row stands in the journal, and the partition is like its siblings") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  strand_october(admin, keeper, 10);
  admin.execute(
      "CREATE SCHEMA pgcaretaker; CREATE TABLE pgcaretaker.journal (host text, plan_id "
      "uuid, task text, action text, subject text, bounds text, rows bigint, bytes "
      "bigint, reason text); ALTER TABLE pgcaretaker.journal OWNER TO pgc_owner;"
      "GRANT USAGE ON SCHEMA pgcaretaker TO pgc_owner");
  const config::Journal journal{config::TableName{"pgcaretaker", "journal"}};
  partition::PartitionTask task{events(), journal};
  const task::Plan plan = run(keeper.loop(), task.plan(keeper.connection(), november));
  Applied applied;
  task::Surroundings around = surroundings();
  Words seen;
  around.progress = [&](const task::StepProgress& shown) { seen.push_back(shown.text); };
  run(keeper.loop(), task.apply(keeper.connection(), plan.steps.at(0), around, applied));
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(seen == Words{"public.events_y2026m10: 0 rows moved out of the default",
                      "public.events_y2026m10: 10 rows moved out of the default",
                      "public.events_y2026m10: 10 rows moved out of the default", ""});
  CHECK(
      admin.value("SELECT concat_ws(' ', action, rows, subject, bounds) FROM "
                  "pgcaretaker.journal") ==
      "drain 10 public.events_y2026m10 FOR VALUES FROM ('2026-10-01 00:00:00+00') TO ('2026-11-01 "
      "00:00:00+00')");
  CHECK(admin.number(
            "SELECT count(*) FROM pg_class WHERE relname = 'events_y2026m10' AND "
            "relrowsecurity AND relforcerowsecurity AND relowner = 'pgc_owner'::regrole") == 1);
}
