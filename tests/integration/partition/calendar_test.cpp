// SPDX-License-Identifier: Apache-2.0
// The window on a real server: every interval, every key type, in five session time zones, on the
// days that break calendars. After a pass there is nothing to do, and rows land where their time
// says.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using config::Interval;
using config::IntervalUnit;

namespace {

const char* const zones[] = {"UTC", "Pacific/Chatham", "America/New_York", "Europe/Berlin",
                             "Asia/Kathmandu"};

const Interval intervals[] = {{IntervalUnit::hour, 1},  {IntervalUnit::hour, 6},
                              {IntervalUnit::day, 1},   {IntervalUnit::day, 10},
                              {IntervalUnit::week, 1},  {IntervalUnit::month, 1},
                              {IntervalUnit::month, 2}, {IntervalUnit::quarter, 1},
                              {IntervalUnit::year, 1},  {IntervalUnit::year, 3}};

const char* const key_types[] = {"date", "timestamp", "timestamptz"};

// Leap day, year's end, both ends of daylight saving time in Europe and the USA, ISO week 53.
const char* const instants[] = {"2026-12-31 23:59:59", "2027-01-01 00:00:00", "2027-03-14 07:00:00",
                                "2027-03-28 00:59:59", "2027-10-31 01:00:00", "2027-11-07 05:30:00",
                                "2028-02-29 12:00:00"};

/// Every partition of public.events covers exactly one interval of `interval`, in UTC.
void check_bounds(Admin& admin, const Interval& interval) {
  for (const std::string& lower : admin.column(
           "SELECT (regexp_match(pg_get_expr(c.relpartbound, 0), 'FROM \\(''([^'']+)'))[1] FROM "
           "pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
           "WHERE i.inhparent = 'public.events'::regclass")) {
    CAPTURE(lower);
    CHECK(partition::interval_containing(interval, at(lower)).lower == at(lower));
  }
}

/// First and last microsecond of the window that begins at `now` have a partition.
void check_rows_land(Admin& admin, UtcTime now, const partition::TimeRange& last, int& next_id) {
  for (const UtcTime time : {now, last.lower, last.upper - std::chrono::microseconds{1}}) {
    CAPTURE(pg::format_timestamp(time));
    const std::string id = std::to_string(++next_id);
    CHECK_NOTHROW(admin.execute("INSERT INTO public.events (id, at) VALUES (" + id + ", '" +
                                pg::format_timestamp(time) + "')"));
  }
}

void keep_through_time(TestDatabase& database, Keeper& keeper, const Interval& interval,
                       const char* key_type) {
  Admin& admin = database.admin();
  admin.execute("DROP TABLE IF EXISTS public.events");
  create_events(admin, key_type);
  config::Partition settings = events();
  settings.interval = interval;
  settings.name = "{table}_%Y%m%d_%H";
  int next_id = 0;
  for (const char* instant : instants) {
    CAPTURE(instant);
    const UtcTime now = at(instant);
    for (const task::Applied& applied : keeper.once(settings, now)) {
      CHECK(applied.kind == task::Applied::Kind::done);
    }
    const task::Plan after = keeper.plan(settings, now);
    CHECK(subjects(after) == Words{});
    CHECK(codes(after.findings) == Words{});
    const auto current = partition::interval_containing(interval, now);
    const auto last = partition::interval_after(interval, current);
    check_rows_land(admin, now, last, next_id);
    CHECK(sample(after, telemetry::Metric::partition_window_seconds) ==
          std::chrono::duration<double>(last.upper - now).count());
  }
  check_bounds(admin, interval);
}

}  // namespace

TEST_CASE("after a pass there is nothing to do and rows land, in any time zone, on any day") {
  for (const char* zone : zones) {
    CAPTURE(zone);
    TestDatabase database;
    database.admin().execute("ALTER ROLE pgc_caretaker IN DATABASE " + database.name() +
                             " SET timezone = '" + zone + "'");
    Keeper keeper{database.options()};
    for (const Interval& interval : intervals) {
      CAPTURE(interval.text());
      for (const char* key_type : key_types) {
        if (interval.unit == IntervalUnit::hour && std::string_view{key_type} == "date") continue;
        CAPTURE(key_type);
        keep_through_time(database, keeper, interval, key_type);
      }
    }
  }
}

TEST_CASE("partitions are named after their lower bound and say so in their bounds") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), at("2028-02-29"));
  CHECK(partitions(database.admin()) == Words{"events_y2028m02 FOR VALUES FROM ('2028-02-01 "
                                              "00:00:00+00') TO ('2028-03-01 00:00:00+00')",
                                              "events_y2028m03 FOR VALUES FROM ('2028-03-01 "
                                              "00:00:00+00') TO ('2028-04-01 00:00:00+00')"});
}

TEST_CASE("without as_of the server's clock decides") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events());
  const auto since = std::chrono::system_clock::now() - plan.as_of;
  CHECK(since < std::chrono::minutes{1});
  CHECK(since > std::chrono::minutes{-1});
  CHECK(plan.steps.size() == 2);
}

TEST_CASE("a gap between partitions is healed, and partitions made by hand in another phase too") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.a PARTITION OF public.events FOR VALUES FROM ('2026-11-01') TO "
      "('2026-11-11');"
      "CREATE TABLE public.b PARTITION OF public.events FOR VALUES FROM ('2026-11-21') TO "
      "('2026-12-01')");
  Keeper keeper{database.options()};
  config::Partition settings = events();
  settings.interval = {IntervalUnit::day, 10};
  settings.name = "{table}_%Y%m%d";
  keeper.once(settings, at("2026-11-15"));
  CHECK(names(admin) == Words{"a", "b", "events_20261113", "events_20261201"});
  keeper.once(settings, at("2026-11-10"));
  keeper.once(settings, at("2026-11-23"));
  CHECK(partitions(admin) ==
        Words{"a FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-11-11 00:00:00+00')",
              "b FOR VALUES FROM ('2026-11-21 00:00:00+00') TO ('2026-12-01 00:00:00+00')",
              "events_20261111 FOR VALUES FROM ('2026-11-11 00:00:00+00') TO ('2026-11-13 "
              "00:00:00+00')",
              "events_20261113 FOR VALUES FROM ('2026-11-13 00:00:00+00') TO ('2026-11-21 "
              "00:00:00+00')",
              "events_20261201 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2026-12-03 "
              "00:00:00+00')",
              "events_20261203 FOR VALUES FROM ('2026-12-03 00:00:00+00') TO ('2026-12-13 "
              "00:00:00+00')"});
  CHECK(subjects(keeper.plan(settings, at("2026-11-23"))) == Words{});
}

TEST_CASE("a plan changes nothing") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  config::Partition settings = short_lived_events();
  settings.hold_query = "SELECT false";
  keeper.once(settings, at("2026-01-01"));
  const Words before = partitions(database.admin());
  CHECK(subjects(keeper.plan(settings, at("2026-11-23"))).size() == 4);
  CHECK(partitions(database.admin()) == before);
}
