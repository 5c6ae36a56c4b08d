// SPDX-License-Identifier: Apache-2.0
// Looks while somebody has a partition locked, and queries of the configuration that take for ever:
// each ends in its own short time with a degraded answer that says so, and the pass goes on.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* hold_query =
    "SELECT EXISTS (SELECT FROM public.events WHERE at >= $1 AND at < $2 AND note = 'hold')";

bool has(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

const task::Finding& the(const std::string& code, const std::vector<task::Finding>& findings) {
  const auto found = std::ranges::find(findings, code, &task::Finding::code);
  REQUIRE_MESSAGE(found != findings.end(), code);
  return *found;
}

/// January has expired and has ties, October has closed, and June lies in the default; everything
/// is to be done.
struct Unreadable {
  Unreadable() {
    create_events(admin);
    admin.execute(
        "CREATE TABLE public.zones (id bigint PRIMARY KEY);"
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''append only''; END';"
        "CREATE TRIGGER shut BEFORE TRUNCATE ON public.events EXECUTE FUNCTION public.refuse();"
        "CREATE TRIGGER kept BEFORE UPDATE ON public.events FOR EACH ROW "
        "EXECUTE FUNCTION public.refuse()");
    config::Partition window = events();
    window.ahead = 0;
    keeper.once(window, january);
    keeper.once(window, at("2026-10-15"));
    keeper.once(events(), november);
    create_default(admin);
    admin.execute(
        "ALTER TABLE public.zones OWNER TO pgc_owner;"
        "ALTER TABLE public.events_y2026m01 ADD FOREIGN KEY (id) REFERENCES public.zones;"
        "INSERT INTO public.zones VALUES (1);"
        "INSERT INTO public.events SELECT g, '2026-10-05', '' FROM generate_series(1, 100) AS g;"
        "INSERT INTO public.events VALUES (1, '2026-01-05', ''), (1, '2027-06-05', '')");
    admin.execute("ANALYZE public.events_y2026m10");
    settings.ahead = 2;
    settings.freeze = true;
    settings.analyze = true;
  }

  /// In partitions of their own.
  void expire_half_a_year() {
    config::Partition old = events();
    old.ahead = 0;
    for (const char* month : {"02", "03", "04", "05", "06", "07"}) {
      keeper.once(old, at(std::string{"2026-"} + month + "-15"));
    }
  }

  /// Locks one table until `holder` goes.
  void lock(const std::string& table) {
    holder.execute("BEGIN; LOCK TABLE ONLY " + table + " IN ACCESS EXCLUSIVE MODE");
  }

  task::Plan quick_plan() {
    const auto start = std::chrono::steady_clock::now();
    task::Plan plan = keeper.plan(settings, november);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    return plan;
  }

  /// What needs the catalog alone: the pattern, ties, and what is done afterwards.
  void check_catalog_looks(const task::Plan& plan) {
    const Words found = codes(plan.findings);
    CHECK_FALSE(has(found, "pattern_unreadable"));
    CHECK_FALSE(has(found, "afterwards_unknown"));
    CHECK(has(acts(plan), "analyze public.events"));
    // Whoever holds a lock holds back the horizon as well.
    CHECK((has(acts(plan), "freeze public.events_y2026m10") || has(found, "freeze_held_back")));
  }

  void check_retirement(const task::Plan& plan) {
    std::string sql;
    for (const task::Step& step : plan.steps) {
      if (step.subject != "public.events_y2026m01") continue;
      for (const task::Statement& sent : step.statements)
        sql += sent.sql + "\n";
    }
    CHECK(contains(sql, "CREATE TRIGGER kept BEFORE UPDATE ON \"public\".\"events_y2026m01\""));
    CHECK(contains(sql, "DROP CONSTRAINT \"events_y2026m01_id_fkey\""));
    CHECK(contains(sql, "DROP TABLE \"public\".\"events_y2026m01\""));
  }

  TestDatabase database;
  Admin& admin = database.admin();
  Keeper keeper{database.options()};
  config::Partition settings = impatient();
  Admin holder{database.name()};
};

}  // namespace

TEST_CASE_FIXTURE(Unreadable, "with nobody in the way every look has its answer") {
  settings.hold_query = hold_query;
  settings.retention_query = "SELECT 50 FROM public.events WHERE at < '2026-02-01' LIMIT 1";
  const task::Plan plan = quick_plan();
  CHECK(codes(plan.findings) == Words{"default_rows"});
  CHECK(has(acts(plan), "drain public.events_y2027m06"));
  CHECK(has(acts(plan), "create public.events_y2027m01"));
  check_catalog_looks(plan);
  check_retirement(plan);
}

TEST_CASE_FIXTURE(Unreadable, "an exclusive lock on a partition costs only what reads its rows") {
  lock("public.events_y2026m01");
  SUBCASE("the catalog tells the rest") {
    const task::Plan plan = quick_plan();
    CHECK(has(acts(plan), "drain public.events_y2027m06"));
    check_catalog_looks(plan);
    check_retirement(plan);
  }
  SUBCASE("a hold_query that waits for it is a hold") {
    settings.hold_query = hold_query;
    const task::Plan plan = quick_plan();
    const task::Finding& failed = the("hold_query_failed", plan.findings);
    CHECK(failed.severity == task::Severity::critical);
    CHECK(contains(failed.text, "kept because hold_query failed: canceling statement due to lock"));
    CHECK(has(acts(plan), "drain public.events_y2027m06"));
    CHECK_FALSE(has(acts(plan), "detach public.events_y2026m01"));
    check_catalog_looks(plan);
  }
  SUBCASE("a retention_query that waits for it leaves the configured time") {
    settings.retention_query = "SELECT 1 FROM public.events WHERE at < '2026-02-01' LIMIT 1";
    const task::Plan plan = quick_plan();
    CHECK(contains(the("retention_query", plan.findings).text, "lock timeout"));
    CHECK_FALSE(has(acts(plan), "detach public.events_y2026m10"));
    check_catalog_looks(plan);
    check_retirement(plan);
  }
  SUBCASE("the pass makes its partitions and says who keeps the old one") {
    const auto applied = keeper.once(settings, november);
    CHECK(names(admin).size() == 7);
    const auto is_kept = [](const task::Applied& each) {
      return codes(each.findings) == Words{"lock_timeout"} &&
             contains(each.findings[0].text, "holds public.events_y2026m01");
    };
    CHECK(std::ranges::any_of(applied, is_kept));
  }
}

TEST_CASE_FIXTURE(Unreadable,
                  "an exclusive lock on the default costs only what is known of its rows") {
  settings.hold_query = hold_query;
  settings.retention_query = "SELECT 50 FROM public.events WHERE at < '2026-02-01' LIMIT 1";
  lock("public.events_default");
  for (const auto rescue : {config::DefaultPartition::drain, config::DefaultPartition::adopt,
                            config::DefaultPartition::report}) {
    settings.default_partition = rescue;
    const task::Plan plan = quick_plan();
    CHECK(contains(the("default_unreadable", plan.findings).text, "lock timeout"));
    CHECK(plan.details.json()["default"]["ranges"].empty());
    CHECK_FALSE(has(acts(plan), "drain public.events_y2027m06"));
    CHECK(has(acts(plan), "create public.events_y2027m01"));
    check_catalog_looks(plan);
    check_retirement(plan);
  }
}

TEST_CASE_FIXTURE(Unreadable, "a hold_query that takes for ever holds, and costs a pass seconds") {
  expire_half_a_year();
  settings.hold_query = "SELECT false FROM pg_catalog.pg_sleep(60)";
  const task::Plan plan = quick_plan();
  CHECK(contains(the("hold_query_failed", plan.findings).text, "statement timeout"));
  CHECK(std::ranges::count(codes(plan.findings), "hold_query_failed") < 5);
  const task::Finding& slow = the("hold_query_slow", plan.findings);
  CHECK(slow.severity == task::Severity::warning);
  CHECK(contains(slow.text, "hold_query took too long to be asked about "));
  const Words planned = acts(plan);
  CHECK_FALSE(has(planned, "detach public.events_y2026m01"));
  CHECK(has(planned, "create public.events_y2027m01"));
  check_catalog_looks(plan);
  for (const task::Step& step : plan.steps) {
    if (step.action == "create")
      CHECK(keeper.apply(settings, step).kind == task::Applied::Kind::done);
  }
}

TEST_CASE_FIXTURE(Unreadable, "a slow hold_query that keeps the oldest keeps no other for good") {
  expire_half_a_year();
  settings.hold_query = "SELECT $1 < '2026-07-01'::timestamptz FROM pg_catalog.pg_sleep(0.9)";
  // There is time to ask about six of seven in a pass, and about three of them in order.
  bool is_found = false;
  for (int pass = 0; pass < 30 && !is_found; ++pass) {
    is_found = has(acts(quick_plan()), "detach public.events_y2026m07");
  }
  CHECK(is_found);
}

TEST_CASE_FIXTURE(Unreadable, "a retention_query that takes for ever leaves the configured time") {
  settings.retention_query = "SELECT 1 FROM pg_catalog.pg_sleep(60)";
  const task::Plan plan = quick_plan();
  const task::Finding& failed = the("retention_query", plan.findings);
  CHECK(failed.severity == task::Severity::warning);
  CHECK(contains(failed.text, "statement timeout"));
  CHECK_FALSE(has(acts(plan), "detach public.events_y2026m10"));
  CHECK(has(acts(plan), "create public.events_y2027m01"));
  check_catalog_looks(plan);
  check_retirement(plan);
}
