// SPDX-License-Identifier: Apache-2.0
// A role that owns nothing keeps the table through SECURITY DEFINER functions, and is not believed
// blindly: the catalog has the last word.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;

namespace {

/// What the functions are built like: owned by the table's owner, callable by the auditor alone.
constexpr const char* functions = R"(
CREATE FUNCTION public.events_ensure(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET timezone = 'UTC' AS $body$
DECLARE
  first_day date := date_trunc('month', month)::date;
BEGIN
  EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.events '
                 'FOR VALUES FROM (%L) TO (%L)',
                 'events_y' || to_char(first_day, 'YYYY"m"MM'), first_day::timestamptz,
                 (first_day + interval '1 month')::timestamptz);
END
$body$;
CREATE FUNCTION public.events_drop(part_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $body$
BEGIN
  IF part_name !~ '^events_y[0-9]{4}m[0-9]{2}$' THEN
    RAISE EXCEPTION 'not an audit partition: %', part_name;
  END IF;
  IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'public.events'::regclass
                AND inhrelid = to_regclass(format('public.%I', part_name))) THEN
    EXECUTE format('DROP TABLE public.%I', part_name);
  END IF;
END
$body$;
ALTER FUNCTION public.events_ensure(date) OWNER TO pgc_owner;
ALTER FUNCTION public.events_drop(text) OWNER TO pgc_owner;
REVOKE EXECUTE ON FUNCTION public.events_ensure(date), public.events_drop(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.events_ensure(date), public.events_drop(text) TO pgc_auditor;
GRANT CREATE ON SCHEMA public TO pgc_owner;
GRANT USAGE ON SCHEMA public TO pgc_auditor;
)";

/// A database where pgc_auditor may call the functions and nothing else.
class FunctionDatabase {
 public:
  FunctionDatabase() {
    Admin& admin = database_.admin();
    if (admin.number("SELECT count(*) FROM pg_roles WHERE rolname = 'pgc_auditor'") == 0) {
      admin.execute(
          "CREATE ROLE pgc_auditor LOGIN; ALTER ROLE pgc_auditor SET timezone = 'Asia/Tokyo'");
    }
    create_events(admin);
    admin.execute(functions);
  }
  Admin& admin() { return database_.admin(); }
  [[nodiscard]] pg::ConnectOptions options() const {
    pg::ConnectOptions options = database_.options();
    options.database.role.clear();
    const std::string owner = "user=pgc_caretaker";
    std::string& dsn = options.database.dsn;
    dsn.replace(dsn.find(owner), owner.size(), "user=pgc_auditor");
    return options;
  }

 private:
  TestDatabase database_;
};

config::Partition by_function() {
  config::Partition settings = short_lived_events();
  settings.create_function = {"public", "events_ensure"};
  settings.drop_function = {"public", "events_drop"};
  return settings;
}

}  // namespace

TEST_CASE("a role that owns nothing creates and drops through the functions") {
  FunctionDatabase database;
  Keeper keeper{database.options()};
  const config::Partition settings = by_function();
  for (const UtcTime now : {at("2026-01-15"), november}) {
    for (const Applied& applied : keeper.once(settings, now)) {
      CHECK(applied.kind == Applied::Kind::done);
    }
    const task::Plan after = keeper.plan(settings, now);
    CHECK(subjects(after) == Words{});
    CHECK(codes(after.findings) == Words{});
  }
  CHECK(names(database.admin()) == Words{"events_y2026m11", "events_y2026m12"});
}

TEST_CASE("without functions it is told what it lacks") {
  FunctionDatabase database;
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(plan.steps.empty());
  REQUIRE(codes(plan.findings) == Words{"not_owner"});
  CHECK(contains(plan.findings[0].text, "set database.role to its owner pgc_owner"));
}

TEST_CASE("a create_function whose interval is another is rolled back and reported") {
  FunctionDatabase database;
  Keeper keeper{database.options()};
  config::Partition settings = by_function();
  settings.interval = {config::IntervalUnit::day, 1};
  settings.name = "{table}_y%Ym%md%d";
  const auto applied = keeper.once(settings, november);
  REQUIRE(applied.size() == 2);
  CHECK(applied[0].kind == Applied::Kind::yielded);
  REQUIRE(codes(applied[0].findings) == Words{"function_without_effect"});
  CHECK(applied[0].findings[0].severity == task::Severity::critical);
  CHECK(names(database.admin()) == Words{});
}

TEST_CASE("a drop_function that ignores its argument is reported") {
  FunctionDatabase database;
  Keeper keeper{database.options()};
  const config::Partition settings = by_function();
  keeper.once(settings, at("2026-01-15"));
  database.admin().execute(
      "CREATE OR REPLACE FUNCTION public.events_drop(part_name text) RETURNS void "
      "LANGUAGE sql AS 'SELECT'");
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(subjects(plan).back() == "drop public.events_y2026m02");
  const Applied applied = keeper.apply(settings, plan.steps.back());
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"function_without_effect"});
}

TEST_CASE("a drop_function that drops something else is rolled back") {
  FunctionDatabase database;
  Keeper keeper{database.options()};
  const config::Partition settings = by_function();
  keeper.once(settings, at("2026-01-15"));
  database.admin().execute(
      "CREATE OR REPLACE FUNCTION public.events_drop(part_name text) RETURNS void LANGUAGE plpgsql "
      "SECURITY DEFINER AS 'BEGIN DROP TABLE public.events_y2026m01; END'");
  const task::Plan plan = keeper.plan(settings, november);
  keeper.apply(settings, plan.steps.back());
  CHECK(names(database.admin()) == Words{"events_y2026m01", "events_y2026m02"});
}

TEST_CASE("a function that is not there or not ours to call is an error with its own words") {
  FunctionDatabase database;
  Keeper keeper{database.options()};
  config::Partition settings = by_function();
  const task::Plan plan = keeper.plan(settings, november);
  database.admin().execute(
      "REVOKE EXECUTE ON FUNCTION public.events_ensure(date) FROM pgc_auditor");
  CHECK_THROWS_WITH_AS(keeper.apply(settings, plan.steps[0]),
                       doctest::Contains("permission denied for function events_ensure"),
                       pg::Error);
  database.admin().execute("DROP FUNCTION public.events_ensure(date)");
  CHECK_THROWS_WITH_AS(keeper.apply(settings, plan.steps[0]), doctest::Contains("does not exist"),
                       pg::Error);
  CHECK(keeper.connection().state() == pg::SessionState::ready);
}

TEST_CASE("rows of the default block a function's partition, and the default cannot be counted") {
  FunctionDatabase database;
  database.admin().execute(
      "CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;"
      "INSERT INTO public.events (id, at) VALUES (1, '2026-12-24')");
  Keeper keeper{database.options()};
  const config::Partition settings = by_function();
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(codes(plan.findings) == Words{"default_unreadable"});
  CHECK(contains(plan.findings[0].text, "GRANT SELECT ON \"public\".\"events_default\""));
  REQUIRE(plan.steps.size() == 2);
  CHECK(keeper.apply(settings, plan.steps[0]).kind == Applied::Kind::done);
  const Applied blocked = keeper.apply(settings, plan.steps[1]);
  CHECK(blocked.kind == Applied::Kind::yielded);
  CHECK(codes(blocked.findings) == Words{"default_blocks"});
}
