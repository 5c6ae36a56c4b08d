// SPDX-License-Identifier: Apache-2.0
// Sets that others made, by pg_partman, by a partition manager with names of its own, or by hand:
// understood by their bounds alone, so that a plan shows what would change and nothing more.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using config::Interval;
using config::IntervalUnit;
using task::Applied;

namespace {

void attach(Admin& admin, const std::string& name, const std::string& lower,
            const std::string& upper) {
  admin.execute("CREATE TABLE public.\"" + name +
                "\" PARTITION OF public.events FOR VALUES FROM ('" + lower + "') TO ('" + upper +
                "'); ALTER TABLE public.\"" + name + "\" OWNER TO pgc_owner");
}

config::Partition every(const Interval& interval, int ahead) {
  config::Partition settings = events();
  settings.interval = interval;
  settings.ahead = ahead;
  settings.name = "{table}_new_%Y%m%d_%H";
  return settings;
}

/// The plan changes nothing by itself, and what it says is all that a pass adds.
void check_plan(TestDatabase& database, const config::Partition& settings, const Words& wanted,
                const Words& findings, std::optional<UtcTime> now = afternoon) {
  Keeper keeper{database.options()};
  const Words before = partitions(database.admin());
  const task::Plan plan = keeper.plan(settings, now);
  CHECK(subjects(plan) == wanted);
  CHECK(codes(plan.findings) == findings);
  CHECK(partitions(database.admin()) == before);
  for (const Applied& applied : keeper.once(settings, now)) {
    CHECK(applied.kind == Applied::Kind::done);
  }
  CHECK(partitions(database.admin()).size() == before.size() + wanted.size());
  for (const std::string& partition : partitions(database.admin())) {
    const bool is_old = std::find(before.begin(), before.end(), partition) != before.end();
    const std::string name = "create public." + partition.substr(0, partition.find(' '));
    CHECK((is_old || std::find(wanted.begin(), wanted.end(), name) != wanted.end()));
  }
  CHECK(subjects(keeper.plan(settings, now)) == Words{});
}

/// pg_partman comes from Debian, for PostgreSQL 15 only.
bool has_partman() {
  if (server_major() == 15) return true;
  MESSAGE("skipped: there is pg_partman for PostgreSQL 15 only");
  return false;
}

struct Partman {
  const char* interval;
  const char* column;  // its type
  const char* more;    // arguments of create_parent
  config::Partition settings;
};

void create_once(Admin& admin, const Partman& set) {
  admin.execute(
      "SET timezone = 'UTC'; SET datestyle = 'ISO'; DROP TABLE IF EXISTS public.events; DROP "
      "SCHEMA IF EXISTS partman "
      "CASCADE; CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman");
  create_events(admin, set.column);
  admin.execute(std::string{"SELECT partman.create_parent('public.events', 'at', 'native', '"} +
                set.interval + "', p_premake := 4" + set.more + ")");
  // They belong to who ran pg_partman: docs/operations.md has this step.
  admin.execute(
      "DO $$ DECLARE each regclass; BEGIN FOR each IN SELECT inhrelid FROM pg_inherits WHERE "
      "inhparent = 'public.events'::regclass LOOP EXECUTE format('ALTER TABLE %s OWNER TO "
      "pgc_owner', each); END LOOP; END $$");
}

/// The set, made within one interval of its own: the time when it was.
UtcTime create_by_partman(Admin& admin, const Partman& set) {
  const auto now = [&] {
    return at(admin.value("SET timezone = 'UTC'; SET datestyle = 'ISO'; SELECT clock_timestamp()")
                  .value());
  };
  while (true) {
    const UtcTime before = now();
    create_once(admin, set);
    const auto& interval = set.settings.interval;
    if (partition::interval_containing(interval, before).contains(now())) return before;
  }
}

std::vector<Partman> partman_sets() {
  std::vector<Partman> sets{
      {"hourly", "timestamptz", "", every({IntervalUnit::hour, 1}, 4)},
      {"daily", "timestamptz", "", every({IntervalUnit::day, 1}, 4)},
      {"daily", "date", "", every({IntervalUnit::day, 1}, 4)},
      {"weekly", "timestamp", "", every({IntervalUnit::week, 1}, 4)},
      {"monthly", "timestamptz", "", every({IntervalUnit::month, 1}, 4)},
      {"quarterly", "timestamptz", "", every({IntervalUnit::quarter, 1}, 4)},
      {"yearly", "timestamptz", "", every({IntervalUnit::year, 1}, 4)},
      {"monthly", "bigint", ", p_epoch := 'seconds'", every({IntervalUnit::month, 1}, 4)},
      {"daily", "bigint", ", p_epoch := 'milliseconds'", every({IntervalUnit::day, 1}, 4)}};
  sets[7].settings.key = config::KeyForm::seconds;
  sets[8].settings.key = config::KeyForm::milliseconds;
  return sets;
}

}  // namespace

TEST_CASE("a set of pg_partman with the same interval leaves nothing to do, then one at a time") {
  if (!has_partman()) return;
  TestDatabase database;
  Admin& admin = database.admin();
  for (const Partman& set : partman_sets()) {
    CAPTURE(set.interval);
    CAPTURE(set.column);
    const UtcTime now = create_by_partman(admin, set);
    const config::Partition& settings = set.settings;
    check_plan(database, settings, {}, {}, now);
    // An interval later one partition is due, whatever the others are called.
    const auto current = partition::interval_containing(settings.interval, now);
    const Words before = partitions(admin);
    Keeper keeper{database.options()};
    const task::Plan plan = keeper.plan(settings, current.upper);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.findings.empty());
    CHECK(keeper.apply(settings, plan.steps[0]).kind == Applied::Kind::done);
    CHECK(subjects(keeper.plan(settings, current.upper)) == Words{});
    CHECK(partitions(admin).size() == before.size() + 1);
  }
}

TEST_CASE("pg_partman that was told to keep off keeps off, and retention goes by the bounds") {
  if (!has_partman()) return;
  TestDatabase database;
  Admin& admin = database.admin();
  Partman set{"daily", "timestamptz", "", every({IntervalUnit::day, 1}, 4)};
  const UtcTime today = std::chrono::floor<std::chrono::days>(create_by_partman(admin, set));
  admin.execute(
      "UPDATE partman.part_config SET automatic_maintenance = 'off', retention = '1 day', "
      "retention_keep_table = false");
  const Words before = names(admin);
  admin.execute("SELECT partman.run_maintenance()");
  CHECK(names(admin) == before);
  // It made four days before today as well; three of them ended more than a day ago.
  set.settings.retention = std::chrono::days{1};
  set.settings.expire = config::Expire::drop;
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(set.settings, today);
  Words wanted;
  for (const std::string& day : admin.column(
           "SELECT to_char(d, 'YYYY_MM_DD') FROM generate_series(timestamptz '" +
           pg::format_timestamp(today) + "' - interval '4 days', timestamptz '" +
           pg::format_timestamp(today) + "' - interval '2 days', interval '1 day') AS d")) {
    wanted.push_back("drop public.events_p" + day);
  }
  CHECK(subjects(plan) == wanted);
  CHECK(codes(plan.findings) == Words{});
  admin.execute("SELECT partman.run_maintenance()");
  CHECK(names(admin) == before);
}

TEST_CASE("a set without a default and with names of its own is kept as it is") {
  struct Set {
    const char* column;
    Interval interval;
    const char* name;  // to_char of the lower bound
    const char* value;
  };
  const std::string uuid =
      "format('%s-%s-7000-0000-000000000000', substr(h, 1, 8), substr(h, 9)) FROM (SELECT "
      "lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0')) AS hex (h)";
  const Set sets[] = {
      {"timestamptz", {IntervalUnit::month, 1}, "YYYY_MM", "t::text"},
      {"timestamp", {IntervalUnit::week, 1}, "IYYY_\"w\"IW", "(t AT TIME ZONE 'UTC')::text"},
      {"date", {IntervalUnit::day, 1}, "YYYYMMDD", "(t AT TIME ZONE 'UTC')::date::text"},
      {"uuid", {IntervalUnit::quarter, 1}, "YYYY_\"q\"Q", uuid.c_str()},
      {"uuid", {IntervalUnit::day, 1}, "YYYY_MM_DD", uuid.c_str()},
  };
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute("SET timezone = 'UTC'; SET datestyle = 'ISO'");
  for (const Set& set : sets) {
    CAPTURE(set.column);
    CAPTURE(set.interval.text());
    create_events(admin, set.column);
    const auto value = [&](UtcTime time, const std::string& expression) {
      const std::string given =
          "(SELECT timestamptz '" + pg::format_timestamp(time) + "') AS g (t)";
      return admin.value("SELECT made.v FROM " + given + ", LATERAL (SELECT " + expression +
                         ") AS made (v)");
    };
    auto next = partition::interval_containing(set.interval, afternoon);
    for (int i = 0; i <= 3; ++i, next = partition::interval_after(set.interval, next)) {
      attach(admin,
             "events_" + value(next.lower, std::string{"to_char(t, '"} + set.name + "')").value(),
             value(next.lower, set.value).value(), value(next.upper, set.value).value());
    }
    check_plan(database, every(set.interval, 3), {}, {});
    const std::string name =
        "events_new_" + value(next.lower, "to_char(t, 'YYYYMMDD_HH24')").value();
    check_plan(database, every(set.interval, 4), {"create public." + name}, {});
    CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                       "'public.events'::regclass") == 5);
    admin.execute("DROP TABLE public.events");
  }
}

TEST_CASE("a set made by hand, of all sizes and with a gap, is filled up and not touched") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  attach(admin, "archive", "2020-01-01 00:00+00", "2026-07-01 00:00+00");
  attach(admin, "events_2026_q3", "2026-07-01 00:00+00", "2026-10-01 00:00+00");
  attach(admin, "Octobre", "2026-10-01 00:00+00", "2026-11-01 00:00+00");
  attach(admin, "early november", "2026-11-01 00:00+00", "2026-11-08 12:00+00");
  attach(admin, "events_2027_01", "2027-01-01 00:00+00", "2027-02-01 00:00+00");
  // A name says nothing: this one is called like a month that it is not.
  attach(admin, "events_2026_12", "2027-02-01 00:00+00", "2027-03-01 00:00+00");
  attach(admin, "events_rest", "2027-06-01 00:00+00", "2028-01-01 00:00+00");
  const config::Partition settings = every({IntervalUnit::month, 1}, 6);
  check_plan(database, settings,
             {"create public.events_new_20261108_12", "create public.events_new_20261201_00",
              "create public.events_new_20270301_00", "create public.events_new_20270401_00",
              "create public.events_new_20270501_00"},
             {"odd_bounds"});
  for (const char* time : {"2026-11-08 11:59:59+00", "2026-11-08 12:00+00", "2026-12-31 23:59+00",
                           "2027-05-31 23:59+00", "2027-06-01 00:00+00"}) {
    CHECK_NOTHROW(admin.execute(std::string{"INSERT INTO public.events (id, at) VALUES (1, '"} +
                                time + "')"));
  }
  config::Partition short_lived = settings;
  short_lived.retention = std::chrono::days{30};
  short_lived.expire = config::Expire::detach;
  Keeper keeper{database.options()};
  CHECK(subjects(keeper.plan(short_lived, afternoon)) ==
        Words{"guard public.archive", "guard public.events_2026_q3"});
}

TEST_CASE("a set cut at the midnights of another zone gets one short piece where it meets UTC") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  attach(admin, "events_2026_10", "2026-10-01 00:00+02", "2026-11-01 00:00+01");
  attach(admin, "events_2026_11", "2026-11-01 00:00+01", "2026-12-01 00:00+01");
  check_plan(database, every({IntervalUnit::month, 1}, 2),
             {"create public.events_new_20261130_23", "create public.events_new_20261201_00",
              "create public.events_new_20270101_00"},
             {"odd_bounds"});
  CHECK(contains(partitions(admin).at(2),
                 "FROM ('2026-11-30 23:00:00+00') TO ('2026-12-01 00:00:00+00')"));
}

TEST_CASE("partitions that another role owns are kept, and what to do before they expire is said") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  attach(admin, "events_2026_07", "2026-07-01 00:00+00", "2026-08-01 00:00+00");
  attach(admin, "events_2026_11", "2026-11-01 00:00+00", "2026-12-01 00:00+00");
  admin.execute("ALTER TABLE public.events_2026_07 OWNER TO postgres");
  config::Partition settings = every({IntervalUnit::month, 1}, 0);
  check_plan(database, settings, {}, {});
  settings.retention = std::chrono::days{30};
  settings.expire = config::Expire::drop;
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(settings, afternoon);
  CHECK(subjects(plan) == Words{});
  CHECK(codes(plan.findings) == Words{"not_owner"});
}
