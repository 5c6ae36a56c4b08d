// SPDX-License-Identifier: Apache-2.0
// The default partition becomes what it is, and guards that spare it from being read under a lock.
#include <atomic>
#include <thread>

#include "afterwards_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;
using task::Applied;
using task::Severity;

namespace {

config::Partition adopting() {
  config::Partition settings = events();
  settings.default_partition = config::DefaultPartition::adopt;
  return settings;
}

void fill_default(Admin& admin, const std::string& day, int rows) {
  admin.execute("INSERT INTO public.events SELECT g, '" + day +
                "', 'note ' || g FROM generate_series(1, " + std::to_string(rows) + ") AS g");
}

long long guards(Admin& admin) {
  return admin.number("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pgcaretaker%'");
}

std::vector<Applied::Kind> kinds(const std::vector<Applied>& results) {
  std::vector<Applied::Kind> found;
  for (const Applied& applied : results) {
    found.push_back(applied.kind);
    for (const task::Finding& finding : applied.findings) {
      MESSAGE(finding.code, ": ", finding.text);
    }
  }
  return found;
}

}  // namespace

TEST_CASE(
    "the default becomes the partition of its rows, moving none, triggers that refuse or not") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  create_default(admin);
  fill_default(admin, "2026-10-15", 500);
  fill_default(admin, "2026-09-02", 500);
  fill_default(admin, "2026-11-20", 500);
  admin.execute(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE EXCEPTION 'events are for ever'; END $$;"
      "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON public.events "
      "FOR EACH ROW EXECUTE FUNCTION public.refuse()");
  const std::string before = contents(admin);
  const auto file = admin.value("SELECT pg_relation_filenode('public.events_default')");
  const task::Plan plan = keeper.plan(adopting(), november);
  CHECK(subjects(plan) == Words{"create public.events_y2026m12", "adopt public.events_y2026m09"});
  const auto applied = keeper.once(adopting(), november);
  CHECK(kinds(applied) == std::vector{Applied::Kind::done, Applied::Kind::done});
  CHECK(applied.back().findings.empty());
  CHECK(changes(applied.back()) == Words{"rescued", "attached"});
  CHECK(partitions(admin) ==
        Words{"events_default DEFAULT",
              "events_y2026m09 FOR VALUES FROM ('2026-09-01 00:00:00+00') TO ('2026-12-01 "
              "00:00:00+00')",
              "events_y2026m12 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 "
              "00:00:00+00')"});
  CHECK(contents(admin) == before);
  CHECK(admin.value("SELECT pg_relation_filenode('public.events_y2026m09')") == file);
  CHECK(guards(admin) == 0);
  CHECK(admin.number("SELECT count(*) FROM public.events_default") == 0);
  CHECK_THROWS(admin.execute("DELETE FROM public.events WHERE id = 1"));
  admin.execute("INSERT INTO public.events VALUES (1, '2030-01-01'), (501, '2026-10-15')");
  CHECK(admin.number("SELECT count(*) FROM public.events_default") == 1);
}

TEST_CASE("any number of ranges is adopted as one") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  create_default(admin);
  config::Partition settings = adopting();
  settings.interval = {config::IntervalUnit::hour, 1};
  settings.name = "{table}_%Y%m%d_%H";
  settings.every = 10min;
  keeper.once(settings, november);
  admin.execute(
      "INSERT INTO public.events SELECT g, timestamptz '2026-10-01 00:00+00' + g * "
      "interval '1 hour' FROM generate_series(0, 499) AS g");
  CHECK(subjects(keeper.plan(settings, november)) == Words{"adopt public.events_20261001_00"});
  CHECK(kinds(keeper.once(settings, november)) == std::vector{Applied::Kind::done});
  CHECK(partitions(admin)[0] ==
        "events_20261001_00 FOR VALUES FROM ('2026-10-01 00:00:00+00') TO "
        "('2026-10-21 20:00:00+00')");
  CHECK(admin.number("SELECT count(*) FROM public.events_20261001_00") == 500);
}

TEST_CASE("rows on both sides of a partition are drained instead, and it is said") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  fill_default(admin, "2026-10-15", 5);
  fill_default(admin, "2027-06-01", 5);
  const task::Plan plan = keeper.plan(adopting(), november);
  CHECK(subjects(plan) == Words{"drain public.events_y2026m10", "drain public.events_y2027m06"});
  REQUIRE(codes(plan.findings).at(0) == "not_adopted");
  CHECK(contains(plan.findings[0].text, "on both sides of public.events_y2026m11"));
}

TEST_CASE("a default with keys that tell no time is drained instead, and no guard is raised") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  create_default(admin);
  keeper.once(events(), november);
  fill_default(admin, "2026-10-15", 50);
  admin.execute("INSERT INTO public.events VALUES (51, 'infinity')");
  const task::Plan plan = keeper.plan(adopting(), november);
  CHECK(subjects(plan) == Words{"drain public.events_y2026m10"});
  CHECK(contains(finding_of(plan.findings, "not_adopted").text, "without a place in the calendar"));
  keeper.once(adopting(), november);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m10") == 50);
  CHECK(admin.number("SELECT count(*) FROM public.events_default") == 1);
  CHECK(guards(admin) == 0);
}

TEST_CASE("without the partitions that its guard needs, nothing is adopted and nothing refused") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  create_default(admin);
  fill_default(admin, "2026-11-15", 5);
  const task::Plan plan = keeper.plan(adopting(), november);
  REQUIRE(subjects(plan) == Words{"create public.events_y2026m12", "adopt public.events_y2026m11"});
  const Applied applied = keeper.apply(adopting(), plan.steps[1]);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"changed_meanwhile"});
  CHECK(guards(admin) == 0);
}

TEST_CASE("when the swap does not come off, the guard is taken back at once") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  fill_default(admin, "2026-10-15", 5);
  const task::Plan plan = keeper.plan(adopting(), november);
  REQUIRE(plan.steps.size() == 1);
  // What has the name by the time of the swap makes it fail.
  admin.execute("CREATE TABLE public.events_y2026m10 ()");
  const Applied applied = keeper.apply(adopting(), plan.steps[0]);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(guards(admin) == 0);
  admin.execute("DROP TABLE public.events_y2026m10");
  CHECK(kinds(keeper.once(adopting(), november)) == std::vector{Applied::Kind::done});
}

TEST_CASE("a guard that a killed pass left is dropped by the next one, whatever is configured") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  admin.execute(
      "SET ROLE pgc_owner;"
      "ALTER TABLE public.events_default ADD CONSTRAINT pgcaretaker_guard CHECK (at > '2000-01-01')"
      " NOT VALID;"
      "COMMENT ON CONSTRAINT pgcaretaker_guard ON public.events_default IS 'pgcaretaker: test';"
      "ALTER TABLE public.events_default ADD CONSTRAINT theirs CHECK (id > 0);"
      "COMMENT ON CONSTRAINT theirs ON public.events_default IS 'checked by hand';"
      "RESET ROLE");
  config::Partition settings = events();
  settings.default_partition = config::DefaultPartition::report;
  CHECK(subjects(keeper.plan(settings, november)) == Words{"unguard public.events_default"});
  CHECK(kinds(keeper.once(settings, november)) == std::vector{Applied::Kind::done});
  CHECK(guards(admin) == 0);
  CHECK(admin.number("SELECT count(*) FROM pg_constraint WHERE conname = 'theirs'") == 1);
}

TEST_CASE(
    "writers and readers of a table whose default is adopted wait shortly, and lose nothing") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  fill_default(admin, "2026-10-15", 20'000);
  std::atomic<bool> stop = false;
  std::atomic<int> late = 0;
  std::atomic<int> elsewhere = 0;
  std::atomic<int> backwards = 0;
  std::atomic<int> refused = 0;
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
    for (long long last = 0; !stop;) {
      const long long count = session.number("SELECT count(*) FROM public.events");
      if (count < last) ++backwards;
      last = count;
    }
  }};
  while (late < 10 || elsewhere < 10) {
  }
  config::Partition settings = adopting();
  settings.patience = 10s;
  const auto applied = keeper.once(settings, november);
  stop = true;
  late_writer.join();
  other_writer.join();
  reader.join();
  CHECK(kinds(applied) == std::vector{Applied::Kind::done});
  CHECK(backwards == 0);
  CHECK(refused == 0);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m10") == 20'000 + late);
  CHECK(admin.number("SELECT count(*) FROM public.events") == 20'000 + late + elsewhere);
}

TEST_CASE(
    "behind a large default, ranges far ahead are attached behind a guard that is gone again") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  fill_default(admin, "2026-10-15", 20'000);  // never counted by the server: it may be any size
  config::Partition settings = events();
  settings.ahead = 4;
  settings.default_partition = config::DefaultPartition::report;
  const task::Plan plan = keeper.plan(settings, november);
  CHECK(subjects(plan) ==
        Words{"create public.events_y2027m01, public.events_y2027m02, public.events_y2027m03"});
  CHECK(contains(plan.steps[0].statements[0].sql,
                 "CHECK (\"at\" < timestamptz '2027-01-01 00:00:00+00' OR \"at\" >= timestamptz "
                 "'2027-04-01 00:00:00+00') NOT VALID"));
  const auto applied = keeper.once(settings, november);
  CHECK(kinds(applied) == std::vector{Applied::Kind::done});
  CHECK(guards(admin) == 0);
  CHECK(names(admin).size() == 6);
  CHECK(applied[0].samples.back().value == 3);
}

TEST_CASE("a guard that a reader keeps from going is left for a try that comes soon") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  fill_default(admin, "2026-10-15", 20'000);
  // The reader is in before anything else, since he waits when the guard's transaction ends.
  admin.execute(
      "CREATE FUNCTION public.await_reader() RETURNS event_trigger LANGUAGE plpgsql AS $body$"
      "BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP END LOOP; END $body$;"
      "CREATE EVENT TRIGGER await_reader ON ddl_command_end WHEN TAG IN ('COMMENT')"
      " EXECUTE FUNCTION public.await_reader()");
  config::Partition settings = adopting();
  settings.lock_timeout = 1s;
  settings.force_timeout = 2s;
  Duration longest = 9s;
  Severity severity = Severity::critical;
  std::string urgency = "forced";
  SUBCASE("one that refuses rows: it was insisted upon") {}
  SUBCASE("one that refuses nothing yet: nobody was kept waiting") {
    settings = events();
    settings.ahead = 4;
    settings.default_partition = config::DefaultPartition::report;
    settings.force_timeout = 30s;
    settings.lock_timeout = 1s;
    longest = 20s;
    severity = Severity::warning;
    urgency = "pressed";
  }
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(plan.steps.size() == 1);
  Admin reader{database.name()};
  std::thread reading{[&] {
    until(database.name(),
          "EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = "
          "'public.events_default'::regclass)");
    reader.execute("BEGIN; SELECT count(*) FROM public.events");
  }};
  const auto start = std::chrono::steady_clock::now();
  const Applied applied = keeper.apply(settings, plan.steps[0]);
  reading.join();
  CHECK(std::chrono::steady_clock::now() - start < longest);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK_FALSE(applied.can_wait);
  CHECK(finding_of(applied.findings, "guard_left").severity == severity);
  CHECK(guards(admin) == 1);
  admin.execute("DROP EVENT TRIGGER await_reader");
  const task::Plan next = keeper.plan(settings, november);
  REQUIRE(next.steps.size() == 2);
  CHECK(next.steps[0].action + " " + std::string{next.steps[0].urgency} == "unguard " + urgency);
  reader.execute("COMMIT");
  CHECK(kinds(keeper.once(settings, november)) ==
        std::vector{Applied::Kind::done, Applied::Kind::done});
  CHECK(guards(admin) == 0);
}

TEST_CASE("where rows lie as far ahead, no guard is raised that could refuse more of them") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  keeper.once(events(), november);
  create_default(admin);
  fill_default(admin, "2028-10-15", 20'000);
  config::Partition settings = events();
  settings.ahead = 3;
  settings.default_partition = config::DefaultPartition::report;
  CHECK(subjects(keeper.plan(settings, november)) ==
        Words{"create public.events_y2027m01", "create public.events_y2027m02"});
}
