// SPDX-License-Identifier: Apache-2.0
// Tables whose key is a uuid or a number: created, healed, looked into and retired as those of
// times are, and every row lands where its time says.
#include "partition/name.hpp"
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using config::Interval;
using config::IntervalUnit;
using config::KeyForm;
using task::Applied;

namespace {

/// How a writer makes a key of the time `t`, with whatever else the key holds at its largest.
struct Kind {
  const char* type;
  KeyForm form;
  int shift;
  const char* epoch;
  const char* value;
};

const char* const uuid_value =
    "(substr(lpad(to_hex(floor(extract(epoch FROM t) * 1000)::bigint), 12, '0'), 1, 8) || '-' || "
    "substr(lpad(to_hex(floor(extract(epoch FROM t) * 1000)::bigint), 12, '0'), 9) || '-7' || "
    "substr(gen_random_uuid()::text, 16))::uuid";

const Kind key_kinds[] = {
    {"uuid", KeyForm::automatic, 22, "1970-01-01", uuid_value},
    {"bigint", KeyForm::seconds, 22, "1970-01-01", "floor(extract(epoch FROM t))::bigint"},
    {"integer", KeyForm::seconds, 22, "1970-01-01", "floor(extract(epoch FROM t))::integer"},
    {"bigint", KeyForm::milliseconds, 22, "1970-01-01",
     "floor(extract(epoch FROM t) * 1000)::bigint"},
    {"bigint", KeyForm::microseconds, 22, "1970-01-01",
     "floor(extract(epoch FROM t) * 1000000)::bigint"},
    {"bigint", KeyForm::snowflake, 22, "2015-01-01",
     "((floor(extract(epoch FROM t) * 1000)::bigint - 1420070400000) << 22) | 4194303"},
    {"bigint", KeyForm::snowflake, 16, "1970-01-01",
     "(floor(extract(epoch FROM t) * 1000)::bigint << 16) | 65535"},
};

config::Partition keyed(const Kind& kind, config::Partition settings = events()) {
  settings.key = kind.form;
  settings.key_shift = kind.shift;
  settings.key_epoch = at(kind.epoch);
  return settings;
}

void insert(Admin& admin, const Kind& kind, UtcTime time) {
  admin.execute("INSERT INTO public.events (id, at) SELECT (SELECT count(*) FROM public.events), " +
                std::string{kind.value} + " FROM (SELECT timestamptz '" +
                pg::format_timestamp(time) + "') AS row (t)");
}

/// Where the newest row is.
std::string place_of_last(Admin& admin) {
  return admin.value("SELECT tableoid::regclass::text FROM public.events ORDER BY id DESC LIMIT 1")
      .value_or("nowhere");
}

/// Of drains, up to what the default holds in all.
Words reasons(const task::Plan& plan) {
  Words result;
  for (const task::Step& step : plan.steps) {
    if (step.action != "drain") continue;
    result.push_back(step.reason.substr(0, step.reason.find(" lie in")));
  }
  return result;
}

void keep(Keeper& keeper, const config::Partition& settings, UtcTime now) {
  for (const Applied& applied : keeper.once(settings, now)) {
    CHECK(applied.kind == Applied::Kind::done);
    CHECK(codes(applied.findings) == Words{});
  }
  const task::Plan after = keeper.plan(settings, now);
  CHECK(subjects(after) == Words{});
  CHECK(codes(after.findings) == Words{});
}

}  // namespace

TEST_CASE("a pass makes the window, leaves nothing to do, and rows land by their time") {
  const Interval intervals[] = {{IntervalUnit::hour, 6},    {IntervalUnit::day, 10},
                                {IntervalUnit::week, 1},    {IntervalUnit::month, 1},
                                {IntervalUnit::quarter, 1}, {IntervalUnit::year, 1}};
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  for (const Kind& kind : key_kinds) {
    CAPTURE(kind.type);
    CAPTURE(static_cast<int>(kind.form));
    for (const Interval& interval : intervals) {
      CAPTURE(interval.text());
      config::Partition settings = keyed(kind);
      settings.interval = interval;
      settings.name = "{table}_%Y%m%d_%H";
      for (const UtcTime now : {at("2026-12-31 23:59:59"), at("2028-02-29 12:00:00")}) {
        create_events(admin, kind.type);
        keep(keeper, settings, now);
        const auto current = partition::interval_containing(interval, now);
        const auto next = partition::interval_after(interval, current);
        const std::chrono::microseconds last{1};
        for (const auto& [time, range] : {std::pair{current.lower, current},
                                          {now, current},
                                          {current.upper - last, current},
                                          {next.lower, next},
                                          {next.upper - last, next}}) {
          CAPTURE(pg::format_timestamp(time));
          insert(admin, kind, time);
          CHECK(place_of_last(admin) ==
                "events_" + partition::partition_name("%Y%m%d_%H", "", range.lower));
        }
        CHECK_THROWS(insert(admin, kind, next.upper));
        CHECK_THROWS(insert(admin, kind, current.lower - last));
        admin.execute("DROP TABLE public.events");
      }
    }
  }
}

TEST_CASE("gaps are healed, and partitions of other sizes are fitted in between") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  for (const Kind& kind : key_kinds) {
    CAPTURE(kind.type);
    CAPTURE(static_cast<int>(kind.form));
    create_events(admin, kind.type);
    config::Partition settings = keyed(kind);
    settings.ahead = 4;
    keep(keeper, settings, afternoon);
    const Words before = partitions(admin);
    admin.execute(
        "DROP TABLE public.events_y2027m01; ALTER TABLE public.events DETACH PARTITION "
        "public.events_y2026m12; DROP TABLE public.events_y2026m12");
    const task::Plan plan = keeper.plan(settings, afternoon);
    CHECK(subjects(plan) ==
          Words{"create public.events_y2026m12", "create public.events_y2027m01"});
    CHECK(plan.steps[0].reason == "there is a gap at 2026-12-01 to 2027-01-01");
    keep(keeper, settings, afternoon);
    CHECK(partitions(admin) == before);
    settings.interval = {IntervalUnit::quarter, 1};
    settings.ahead = 1;
    settings.name = "{table}_%Yq%q";
    const task::Plan quarters = keeper.plan(settings, afternoon);
    CHECK(subjects(quarters) == Words{"create public.events_2026q4"});
    CHECK(contains(quarters.steps[0].reason, "2026-10-01 to 2026-11-01"));
    admin.execute("DROP TABLE public.events");
  }
}

TEST_CASE("rows of a missing range in the default are found by their time") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  for (const Kind& kind : key_kinds) {
    CAPTURE(kind.type);
    CAPTURE(static_cast<int>(kind.form));
    create_events(admin, kind.type);
    create_default(admin);
    insert(admin, kind, at("2026-12-01"));
    config::Partition settings = keyed(kind);
    settings.ahead = 3;
    settings.default_partition = config::DefaultPartition::report;
    const task::Plan plan = keeper.plan(settings, afternoon);
    CHECK(subjects(plan) == Words{"create public.events_y2026m11", "create public.events_y2027m01",
                                  "create public.events_y2027m02"});
    CHECK(codes(plan.findings) == Words{"default_blocks", "default_rows"});
    CHECK(contains(plan.findings[0].text, "rows of its range FROM ("));
    keeper.once(settings, afternoon);
    settings.default_partition = config::DefaultPartition::drain;
    keep(keeper, settings, afternoon);
    CHECK(names(admin).size() == 5);
    CHECK(admin.number("SELECT count(*) FROM public.events_y2026m12") == 1);
    CHECK(admin.number("SELECT count(*) FROM public.events_default") == 0);
    admin.execute("DROP TABLE public.events");
  }
}

TEST_CASE("what the rows of the default belong to is found with an index on the key and without") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  for (const Kind& kind : key_kinds) {
    CAPTURE(kind.type);
    CAPTURE(static_cast<int>(kind.form));
    create_events(admin, kind.type);
    keeper.once(keyed(kind), at("2026-10-15"));
    create_default(admin);
    for (const char* time :
         {"2026-09-01", "2026-09-30 23:59:59", "2027-02-01", "2026-07-31 23:59:59", "2026-09-02"}) {
      insert(admin, kind, at(time));
    }
    config::Partition settings = keyed(kind);
    const task::Plan without = keeper.plan(settings, at("2026-10-15"));
    CHECK(reasons(without) == Words{"1 rows of 2026-07-01 to 2026-08-01",
                                    "3 rows of 2026-09-01 to 2026-10-01",
                                    "1 rows of 2027-02-01 to 2027-03-01"});
    settings.default_partition = config::DefaultPartition::adopt;
    const task::Plan unadopted = keeper.plan(settings, at("2026-10-15"));
    CHECK(codes(unadopted.findings) == Words{"not_adopted", "default_rows"});
    admin.execute("CREATE INDEX ON public.events_default (at)");
    settings.default_partition = config::DefaultPartition::drain;
    CHECK(reasons(keeper.plan(settings, at("2026-10-15"))) == reasons(without));
    admin.execute("DROP TABLE public.events");
  }
}

TEST_CASE("a default without an index is read to its last page, and what it lacks is said") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  create_events(admin);
  create_default(admin);
  // A page for each row, so that it takes two looks.
  admin.execute(
      "ALTER TABLE public.events_default SET (fillfactor = 10);"
      "INSERT INTO public.events SELECT n, CASE WHEN n < 8500 THEN timestamptz '2026-12-15' "
      "ELSE '2026-11-30 23:59:59.9' END, repeat('x', 700) FROM generate_series(1, 9000) AS n;"
      "ANALYZE public.events");
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(reasons(plan) ==
        Words{"501 rows of 2026-11-01 to 2026-12-01", "8499 rows of 2026-12-01 to 2027-01-01"});
  config::Partition settings = events();
  settings.interval = {IntervalUnit::hour, 1};
  settings.name = "{table}_%Y%m%d_%H";
  admin.execute("INSERT INTO public.events VALUES (1, '1999-01-01')");
  const task::Plan hours = keeper.plan(settings, november);
  CHECK(reasons(hours) == Words{});
  CHECK(codes(hours.findings) == Words{"stranded_unreadable", "default_rows"});
  CHECK(contains(hours.findings.front().text, "an index on the key makes it quick"));
}

TEST_CASE("a row that reaches the default between plan and act is told in the same words") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  for (const Kind& kind : key_kinds) {
    CAPTURE(kind.type);
    create_events(admin, kind.type);
    create_default(admin);
    config::Partition settings = keyed(kind);
    settings.default_partition = config::DefaultPartition::report;
    const task::Plan plan = keeper.plan(settings, afternoon);
    insert(admin, kind, at("2026-12-24"));
    const Applied applied = keeper.apply(settings, plan.steps.at(1));
    CHECK(applied.kind == Applied::Kind::yielded);
    REQUIRE(applied.findings.size() == 1);
    CHECK(applied.findings[0] == keeper.plan(settings, afternoon).findings.at(0));
    admin.execute("DROP TABLE public.events");
  }
}

TEST_CASE("retention goes by the time of the bounds, and hold_query is asked in times") {
  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  for (const Kind& kind : key_kinds) {
    CAPTURE(kind.type);
    CAPTURE(static_cast<int>(kind.form));
    create_events(admin, kind.type);
    config::Partition settings = keyed(kind, short_lived_events());
    settings.ahead = 3;
    settings.hold_query =
        "SELECT $1 = '2026-02-01 00:00:00+00' AND $2 = '2026-03-01 00:00:00+00'::timestamptz";
    keep(keeper, settings, at("2026-01-15"));
    admin.execute("ANALYZE public.events_y2026m01");
    const task::Plan plan = keeper.plan(settings, at("2026-05-30 00:00:00"));
    CHECK(subjects(plan) == Words{"create public.events_y2026m05", "create public.events_y2026m06",
                                  "create public.events_y2026m07", "create public.events_y2026m08",
                                  "drop public.events_y2026m01"});
    CHECK(codes(plan.findings) == Words{"held"});
    for (const Applied& applied : keeper.once(settings, at("2026-05-30 23:59:59"))) {
      CHECK(applied.kind == Applied::Kind::done);
    }
    // March ends 60 days and a moment before this.
    CHECK(subjects(keeper.plan(settings, at("2026-05-31 00:00:00"))) ==
          Words{"drop public.events_y2026m03"});
    CHECK(names(admin).front() == "events_y2026m02");
    admin.execute("DROP TABLE public.events");
  }
}

TEST_CASE("a row of this very moment lands in the partition of this moment") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin, "uuid");
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.interval = {IntervalUnit::hour, 1};
  settings.name = "{table}_%Y%m%d_%H";
  keeper.once(settings);
  const std::string now = server_major() >= 18 ? "SELECT 1, uuidv7()"
                                               : std::string{"SELECT 1, "} + uuid_value +
                                                     " FROM (SELECT clock_timestamp()) AS row (t)";
  const auto hour = [&] {
    return admin.value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24')").value();
  };
  const std::string before = hour();
  admin.execute("INSERT INTO public.events (id, at) " + now);
  const std::string after = hour();
  const std::string place = place_of_last(admin);
  CHECK((place == "events_" + before || place == "events_" + after));
}

TEST_CASE("create_function is called with a time, and its numbers are checked") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin, "bigint");
  admin.execute(
      "CREATE FUNCTION public.ensure(lower timestamptz) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
      "EXECUTE format('CREATE TABLE public.%I PARTITION OF public.events FOR VALUES FROM (%s) TO "
      "(%s)', 'p' || extract(epoch FROM lower)::bigint, extract(epoch FROM lower)::bigint, "
      "extract(epoch FROM lower + interval '1 month')::bigint); END $$;"
      "ALTER FUNCTION public.ensure SET timezone = 'UTC'");
  Keeper keeper{database.options()};
  config::Partition settings = keyed(key_kinds[1]);
  settings.create_function = {"public", "ensure"};
  keep(keeper, settings, afternoon);
  CHECK(names(admin) == Words{"p1793491200", "p1796083200"});
  settings.key = KeyForm::milliseconds;
  CHECK(codes(keeper.plan(settings, afternoon).findings) == Words{"key_mismatch"});
}

TEST_CASE("bounds between two instants are left alone, and what is made never overlaps them") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin, "bigint");
  const Kind& kind = key_kinds[6];
  const std::int64_t first = 1793491200000LL << 16;   // 2026-11-01
  const std::int64_t second = 1796083200000LL << 16;  // 2026-12-01
  const auto attach = [&](const char* name, std::int64_t lower, std::int64_t upper) {
    admin.execute(std::string{"CREATE TABLE public."} + name +
                  " PARTITION OF public.events FOR VALUES FROM (" + std::to_string(lower) +
                  ") TO (" + std::to_string(upper) + ")");
  };
  attach("old", 1, 1000);
  attach("odd", first + 7, second + 7);
  Keeper keeper{database.options()};
  config::Partition settings = keyed(kind, short_lived_events());
  for (const Applied& applied : keeper.once(settings, afternoon)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(partitions(admin).at(0) == "events_y2026m12 FOR VALUES FROM ('" +
                                       std::to_string(second + 65536) + "') TO ('" +
                                       std::to_string(1798761600000LL << 16) + "')");
  const task::Plan after = keeper.plan(settings, afternoon);
  CHECK(subjects(after) == Words{});
  CHECK(codes(after.findings) == Words{"unrecognised"});
  CHECK(names(admin) == Words{"events_y2026m12", "odd", "old"});
}
