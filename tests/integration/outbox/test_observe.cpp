// SPDX-License-Identifier: Apache-2.0
// Counting an outbox of any size and shape, and what is said when it cannot be counted.
#include <doctest/doctest.h>

#include <chrono>

#include "outbox_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using outbox::Obstacle;
using outbox::State;
using outbox::StateCount;

namespace {

void check_seconds(const StateCount& count, double days) {
  REQUIRE(count.oldest_seconds.has_value());
  CHECK(*count.oldest_seconds == doctest::Approx(days * 86400).epsilon(0.001));
}

}  // namespace

TEST_CASE("rows, oldest age and due rows of every state are exact on a small outbox") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_pending(database.admin(), "pending", 5, "2 days");
  add_done(database.admin(), "old", 7, "8 days");
  add_done(database.admin(), "young", 11, "6 days");
  add_dead(database.admin(), "dead", 3, "31 days");
  Session session{database.options()};
  const auto snapshot = session.observe(event_outbox());
  CHECK(snapshot.role == "pgc_owner");
  REQUIRE(snapshot.heaps.size() == 1);
  CHECK(snapshot.heaps[0].table == config::TableName{"public", "event_outbox"});
  CHECK(snapshot.heaps[0].may_delete);
  REQUIRE(snapshot.states.size() == 3);
  CHECK(snapshot.states[0].rows == 5);
  CHECK(snapshot.states[0].due_rows == std::nullopt);
  check_seconds(snapshot.states[0], 2);
  CHECK(snapshot.states[1].rows == 18);
  CHECK(snapshot.states[1].due_rows == 7);
  CHECK_FALSE(snapshot.states[1].rows_are_estimate);
  check_seconds(snapshot.states[1], 8);
  CHECK(snapshot.states[2].rows == 3);
  CHECK(snapshot.states[2].due_rows == 3);
  CHECK(session.connection().state() == pg::SessionState::ready);
}

TEST_CASE("an outbox that keeps its state in a column is counted as well") {
  TestDatabase database;
  database.admin().execute(
      "CREATE TABLE public.caracal_outbox (id text PRIMARY KEY, producer text, topic text,"
      " dedupe_key text, payload_json jsonb, status text NOT NULL, attempts int DEFAULT 0,"
      " available_at timestamptz, published_at timestamptz, created_at timestamptz, updated_at"
      " timestamptz, UNIQUE (producer, topic, dedupe_key));"
      "CREATE INDEX ON public.caracal_outbox (status, available_at);"
      "ALTER TABLE public.caracal_outbox OWNER TO pgc_owner;"
      "INSERT INTO public.caracal_outbox (id, status, published_at, updated_at, created_at) VALUES"
      " ('1', 'pending', NULL, now(), now() - interval '1 hour'),"
      " ('2', 'published', now() - interval '9 days', now(), now()),"
      " ('3', 'published', now(), now(), now()),"
      " ('4', 'dead', NULL, now() - interval '40 days', now())");
  config::Outbox settings = event_outbox();
  settings.table = {"public", "caracal_outbox"};
  settings.pending = "status = 'pending'";
  settings.done->where = "status = 'published'";
  settings.done->since = "published_at";
  settings.dead->where = "status = 'dead'";
  settings.dead->since = "updated_at";
  Session session{database.options()};
  const auto plan = session.plan(settings);
  REQUIRE(plan.steps.size() == 2);
  CHECK(session.sweep(settings, plan.steps[0]).rows == 1);
  CHECK(session.sweep(settings, plan.steps[1], {}, State::dead).rows == 1);
  CHECK(database.admin().column("SELECT id FROM public.caracal_outbox ORDER BY 1") ==
        std::vector<std::string>{"1", "3"});
}

TEST_CASE("a state without rows has no age, and the whole outbox may be empty") {
  TestDatabase database;
  create_event_outbox(database.admin());
  Session session{database.options()};
  for (const auto& count : session.observe(event_outbox()).states) {
    CHECK(count.rows == 0);
    CHECK(count.oldest_seconds == std::nullopt);
    CHECK(count.obstacle == std::nullopt);
  }
}

TEST_CASE("ages and cutoffs count from the given instant") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "done", 4, "1 day");
  Session session{database.options()};
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto later = session.observe(event_outbox(), now + std::chrono::days{9});
  CHECK(later.as_of == now + std::chrono::days{9});
  CHECK(later.states[1].due_rows == 4);
  check_seconds(later.states[1], 10);
  CHECK(session.observe(event_outbox()).states[1].due_rows == 0);
}

TEST_CASE("dates and timestamps without a zone are read as UTC") {
  TestDatabase database;  // its own zone is five hours and three quarters away
  database.admin().execute(
      "CREATE TABLE public.odd (id int, plain timestamp, day date);"
      "ALTER TABLE public.odd OWNER TO pgc_owner;"
      "INSERT INTO public.odd VALUES (1, '2026-11-01 00:00:00', '2026-11-01')");
  const UtcTime noon =
      std::chrono::sys_days{std::chrono::year{2026} / 11 / 1} + std::chrono::hours{12};
  Session session{database.options()};
  for (const char* since : {"plain", "day"}) {
    config::Outbox settings;
    settings.table = {"public", "odd"};
    settings.done = config::OutboxDone{};
    settings.done->where = "true";
    settings.done->since = since;
    settings.done->keep = std::chrono::hours{12};
    const auto exactly = session.observe(settings, noon);
    REQUIRE(exactly.states.size() == 1);
    CHECK(exactly.states[0].due_rows == 0);  // not yet older than keep
    CHECK(exactly.states[0].oldest_seconds == 43200.0);
    const auto after = session.observe(settings, noon + std::chrono::microseconds{1});
    CHECK(after.states[0].due_rows == 1);
  }
}

TEST_CASE("an infinite age is no age") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_dead(database.admin(), "dead", 2, "1 day");
  config::Outbox settings = event_outbox();
  settings.dead->since = "available_at";
  Session session{database.options()};
  const auto dead = session.observe(settings).states[2];
  CHECK(dead.rows == 2);
  CHECK(dead.due_rows == 0);
  CHECK(dead.oldest_seconds == std::nullopt);
}

TEST_CASE("a trailing comment in an expression swallows nothing") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 2, "8 days");
  add_done(database.admin(), "young", 2, "1 day");
  config::Outbox settings = event_outbox();
  settings.done->where += " -- sent";
  settings.done->since += " -- when";
  Session session{database.options()};
  const auto plan = session.plan(settings);
  CHECK(plan.findings.empty());
  REQUIRE(plan.steps.size() == 1);
  CHECK(session.sweep(settings, plan.steps[0]).rows == 2);
  CHECK(remaining(database.admin()) == "young:2");
}

TEST_CASE("an expression the server refuses is named by its key, and the other states go on") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 2, "8 days");
  add_pending(database.admin(), "pending", 1, "1 day");
  Session session{database.options()};
  struct Case {
    const char* where;
    const char* since;
    const char* key;
    const char* words;
  };
  for (const Case& each : {
           Case{"dispatchd_at IS NOT NULL", "dispatched_at", "outbox.done.where",
                "column \"dispatchd_at\" does not exist"},
           Case{"dispatched_at IS NOT", "dispatched_at", "outbox.done.where", "syntax error"},
           Case{"attempts", "dispatched_at", "outbox.done.where", "must be type boolean"},
           Case{"nothing(id)", "dispatched_at", "outbox.done.where", "does not exist"},
           Case{"dispatched_at IS NOT NULL", "dispatched", "outbox.done.since",
                "column \"dispatched\" does not exist"},
           Case{"dispatched_at IS NOT NULL", "id", "outbox.done.since", "does not exist"},
           Case{"1 / attempts > 0", "dispatched_at", "outbox.done.where or outbox.done.since",
                "division by zero"},
           Case{"true) OR (true", "dispatched_at", "outbox.done.where",
                "closes a parenthesis that it did not open"},
           Case{"true", "now()) < now() OR (dispatched_at", "outbox.done.since",
                "closes a parenthesis that it did not open"},
       }) {
    CAPTURE(each.where);
    CAPTURE(each.since);
    config::Outbox settings = event_outbox();
    settings.done->where = each.where;
    settings.done->since = each.since;
    const auto snapshot = session.observe(settings);
    REQUIRE(snapshot.states.size() == 3);
    REQUIRE(snapshot.states[1].obstacle.has_value());
    CHECK(snapshot.states[1].obstacle->kind == Obstacle::Kind::bad_expression);
    CHECK(snapshot.states[1].obstacle->key == each.key);
    CAPTURE(snapshot.states[1].obstacle->message);
    CHECK(snapshot.states[1].obstacle->message.find(each.words) != std::string::npos);
    CHECK(snapshot.states[1].rows == std::nullopt);
    CHECK(snapshot.states[0].rows == 1);
    CHECK(snapshot.states[2].rows == 0);
    CHECK(outbox::plan(snapshot, settings).steps.empty());
    CHECK(session.connection().state() == pg::SessionState::ready);
  }
}

TEST_CASE("a table that is missing, a view and a schema out of reach are findings") {
  TestDatabase database;
  create_event_outbox(database.admin());
  database.admin().execute("CREATE VIEW public.outbox_view AS SELECT * FROM public.event_outbox");
  Session session{database.options()};
  config::Outbox settings = event_outbox();
  settings.table = {"public", "evnt_outbox"};
  REQUIRE(session.plan(settings).findings.size() == 1);
  CHECK(session.plan(settings).findings[0].code == "table_missing");
  settings.table = {"nowhere", "event_outbox"};
  CHECK(session.plan(settings).findings.at(0).code == "table_missing");
  settings.table = {"public", "outbox_view"};
  CHECK(session.plan(settings).findings.at(0).code == "not_a_table");
  CHECK(session.plan(settings).steps.empty());
}

TEST_CASE("a role that may not read or not delete is told the grant it needs") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 2, "8 days");
  database.admin().execute(
      "DO $$ BEGIN IF to_regrole('pgc_stranger') IS NULL THEN CREATE ROLE pgc_stranger LOGIN; END "
      "IF; END $$");
  auto options = database.options();
  options.database.dsn += " user=pgc_stranger";
  options.database.role.clear();
  Session session{options};
  const auto blind = session.plan(event_outbox());
  CHECK(blind.steps.empty());
  REQUIRE(finding(blind.findings, "missing_privilege") != nullptr);
  CHECK(finding(blind.findings, "missing_privilege")->severity == task::Severity::critical);
  database.admin().execute("GRANT SELECT ON public.event_outbox TO pgc_stranger");
  const auto reader = session.plan(event_outbox());
  CHECK(reader.steps.empty());
  REQUIRE(reader.findings.size() == 1);
  CHECK(reader.findings[0].text ==
        "pgc_stranger may not delete from public.event_outbox: GRANT DELETE ON "
        "public.event_outbox TO \"pgc_stranger\"");
  database.admin().execute("GRANT DELETE ON public.event_outbox TO pgc_stranger");
  const auto keeper = session.plan(event_outbox());
  CHECK(keeper.findings.empty());
  REQUIRE(keeper.steps.size() == 1);
  CHECK(session.sweep(event_outbox(), keeper.steps[0]).rows == 2);
}

TEST_CASE("rows that row-level security would hide are not counted as absent") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 2, "8 days");
  database.admin().execute(
      "ALTER TABLE public.event_outbox ENABLE ROW LEVEL SECURITY;"
      "ALTER TABLE public.event_outbox FORCE ROW LEVEL SECURITY;"
      "CREATE POLICY none ON public.event_outbox USING (false)");
  Session session{database.options()};
  const auto plan = session.plan(event_outbox());
  CHECK(plan.steps.empty());
  REQUIRE(finding(plan.findings, "missing_privilege") != nullptr);
  CHECK(plan.details.json()["states"][1]["rows"].is_null());
}

TEST_CASE("a table locked by a migration is not waited for long, and said to be locked") {
  TestDatabase database;
  create_event_outbox(database.admin());
  Session session{database.options()};
  Admin migration{database.name()};
  migration.execute("BEGIN; LOCK TABLE public.event_outbox IN ACCESS EXCLUSIVE MODE");
  const auto start = std::chrono::steady_clock::now();
  const auto plan = session.plan(event_outbox());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{5});
  REQUIRE(plan.findings.size() == 3);
  for (const auto& each : plan.findings) {
    CHECK(each.code == "table_locked");
    CHECK(each.severity == task::Severity::warning);
  }
  migration.execute("COMMIT");
  CHECK(session.plan(event_outbox()).findings.empty());
}
