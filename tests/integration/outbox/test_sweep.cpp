// SPDX-License-Identifier: Apache-2.0
// A sweep deletes what is due when it holds the row, and nothing else.
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <thread>

#include "outbox/task.hpp"
#include "outbox_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using outbox::State;
using task::Applied;

namespace {

task::Step only_step(const task::Plan& plan) {
  REQUIRE(plan.steps.size() == 1);
  return plan.steps[0];
}

/// Until no session of ours is left in the database; nothing else tells.
void wait_until_gone(Admin& admin) {
  while (admin.number("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                      "'pgcaretaker%' AND datname = current_database()") > 0) {
    std::this_thread::yield();
  }
}

/// Runs the sweep; once it waits for a lock, `meanwhile` is done by somebody else.
template <class Function>
Applied sweep_while(Session& session, Admin& onlooker, const config::Outbox& settings,
                    const task::Step& step, State state, Function meanwhile) {
  Applied applied;
  bool ended = false;
  std::exception_ptr failure;
  const outbox::SweepLimits limits;
  asio::co_spawn(session.loop(),
                 outbox::sweep(session.connection(), step, settings.table, state, limits,
                               session.may_go_on, applied),
                 [&](std::exception_ptr thrown) {
                   failure = thrown;
                   ended = true;
                 });
  bool waited = false;
  session.loop().restart();
  while (!ended) {
    session.loop().run_one_for(std::chrono::milliseconds{5});
    if (!waited && onlooker.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                                   "'Lock' AND datname = current_database()") > 0) {
      waited = true;
      meanwhile();
    }
  }
  session.loop().run();
  if (failure) std::rethrow_exception(failure);
  CHECK(waited);
  return applied;
}

}  // namespace

TEST_CASE("the task deletes what is past its keep and then has nothing to do") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  add_pending(admin, "pending", 4, "400 days");
  add_done(admin, "old", 500, "8 days");
  add_done(admin, "young", 30, "6 days 23 hours");
  add_dead(admin, "dead", 20, "31 days");
  add_dead(admin, "freshdead", 10, "29 days");
  outbox::OutboxTask outbox_task{event_outbox()};
  CHECK(outbox_task.name() == "outbox:public.event_outbox");
  CHECK(outbox_task.every() == std::chrono::minutes{1});
  CHECK(outbox_task.deadline() > 2 * outbox::SweepLimits{}.time);
  Session session{database.options()};
  const auto plan = run(session.loop(), outbox_task.plan(session.connection(), std::nullopt));
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].reason == "500 rows finished more than 7 days ago");
  const auto apply = [&](const task::Step& step) {
    Applied applied;
    run(session.loop(), outbox_task.apply(session.connection(), step, surroundings(), applied));
    return applied;
  };
  const auto done = apply(plan.steps[0]);
  CHECK(done.kind == Applied::Kind::done);
  CHECK(done.rows == 500);
  CHECK(done.samples.at(0).labels.at(1) == "done");
  const auto dead = apply(plan.steps[1]);
  CHECK(dead.rows == 20);
  CHECK(dead.samples.at(0).labels.at(1) == "dead");
  CHECK(remaining(admin) == "freshdead:10 pending:4 young:30");
  const auto after = run(session.loop(), outbox_task.plan(session.connection(), std::nullopt));
  CHECK(after.steps.empty());
  CHECK(after.findings.empty());
  const auto again = apply(plan.steps[0]);
  CHECK(again.kind == Applied::Kind::nothing);
  CHECK(again.samples.empty());
}

TEST_CASE("dead rows are not swept with the finished ones, however old they are") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 5, "8 days");
  add_dead(database.admin(), "dead", 5, "365 days");
  config::Outbox settings = event_outbox();
  settings.dead->action = config::DeadAction::archive;
  Session session{database.options()};
  const auto plan = session.plan(settings);
  CHECK(session.sweep(settings, only_step(plan)).rows == 5);
  CHECK(remaining(database.admin()) == "dead:5");
  CHECK(finding(plan.findings, "action_not_available") != nullptr);
}

TEST_CASE("a done condition that is too wide takes neither pending nor dead rows") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_pending(database.admin(), "pending", 4, "400 days");
  add_done(database.admin(), "old", 5, "8 days");
  add_dead(database.admin(), "dead", 5, "365 days");
  config::Outbox settings = event_outbox();
  settings.done->where = "attempts >= 0";
  settings.done->since = "created_at";
  settings.dead->action = config::DeadAction::archive;
  Session session{database.options()};
  const auto plan = session.plan(settings);
  CHECK(session.sweep(settings, only_step(plan)).rows == 5);
  CHECK(remaining(database.admin()) == "dead:5 pending:4");
}

TEST_CASE("a batch reads its blocks and no index, even where an index fits") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  add_done(admin, "young", 20000, "1 day");
  add_dead(admin, "dead", 20, "31 days");
  admin.execute("ANALYZE public.event_outbox");
  const config::Outbox settings = event_outbox();
  const auto step = only_step(Session{database.options()}.plan(settings));
  const std::string scans =
      "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE relname = 'event_outbox'";
  const std::string sweep = step.statements.at(1).sql;
  admin.execute("PREPARE sweep (timestamptz, tid, tid) AS " + sweep);
  const std::string explain =
      "EXPLAIN EXECUTE sweep ('" + step.statements[1].params.at(0) + "', '(0,0)', '(32,0)')";
  const auto text_of = [&] {
    std::string text;
    for (const auto& line : admin.column(explain))
      text += line + "\n";
    return text;
  };
  // Left to itself the planner takes the index, all of it, for every batch.
  CHECK(text_of().find("Index Scan") != std::string::npos);
  admin.execute(
      "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_seqscan = off; SET "
      "enable_indexonlyscan = off");
  CHECK(text_of().find("Tid Range Scan") != std::string::npos);
  // What a session did is in the statistics once it has ended.
  wait_until_gone(admin);
  const auto before = admin.number(scans);
  {
    Session session{database.options()};
    CHECK(session.sweep(settings, step, {}, State::dead).rows == 20);
    const auto setting =
        run(session.loop(), session.connection().query("setting", "SHOW enable_indexscan"));
    CHECK(setting.only_row().text("enable_indexscan") == "on");
  }
  wait_until_gone(admin);
  CHECK(admin.number(scans) == before);
}

TEST_CASE("a row that was requeued after the plan stays") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_dead(database.admin(), "dead", 3, "31 days");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  database.admin().execute(
      "UPDATE public.event_outbox SET available_at = now(), attempts = 0 WHERE id = 'dead2'");
  CHECK(session.sweep(event_outbox(), step, {}, State::dead).rows == 2);
  CHECK(database.admin().column("SELECT id FROM public.event_outbox") ==
        std::vector<std::string>{"dead2"});
}

TEST_CASE("a row that is requeued while the sweep waits for it stays") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_dead(database.admin(), "dead", 3, "31 days");
  Session session{database.options()};
  Admin requeuer{database.name()};
  const auto step = only_step(session.plan(event_outbox()));
  requeuer.execute(
      "BEGIN; UPDATE public.event_outbox SET available_at = now(), attempts = 0 WHERE id = "
      "'dead2'");
  const auto applied = sweep_while(session, database.admin(), event_outbox(), step, State::dead,
                                   [&] { requeuer.execute("COMMIT"); });
  CHECK(applied.rows == 2);
  CHECK(database.admin().column("SELECT id FROM public.event_outbox") ==
        std::vector<std::string>{"dead2"});
}

TEST_CASE("a row whose age is renewed while the sweep waits for it stays") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 3, "8 days");
  Session session{database.options()};
  Admin writer{database.name()};
  const auto step = only_step(session.plan(event_outbox()));
  writer.execute("BEGIN; UPDATE public.event_outbox SET dispatched_at = now() WHERE id = 'old1'");
  const auto applied = sweep_while(session, database.admin(), event_outbox(), step, State::done,
                                   [&] { writer.execute("COMMIT"); });
  CHECK(applied.rows == 2);
  CHECK(remaining(database.admin()) == "old:1");
}

TEST_CASE("a batch with a locked row is left for the next pass, the others are done") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  add_done(admin, "old", 20000, "8 days");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  Admin holder{database.name()};
  holder.execute("BEGIN; SELECT FROM public.event_outbox WHERE id = 'old1' FOR UPDATE");
  outbox::SweepLimits limits;
  limits.lock_timeout = std::chrono::milliseconds{30};
  const auto applied = session.sweep(event_outbox(), step, limits);
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(applied.rows > 15000);
  const auto left = admin.number("SELECT count(*) FROM public.event_outbox");
  CHECK(left > 1);
  CHECK(applied.rows + left == 20000);
  REQUIRE(finding(applied.findings, "batches_locked") != nullptr);
  CHECK(finding(applied.findings, "batches_locked")->severity == task::Severity::info);
  holder.execute("ROLLBACK");
  CHECK(session.sweep(event_outbox(), step, limits).rows == left);
}

TEST_CASE("a table that is locked as a whole makes the sweep give way, not wait block by block") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  add_done(admin, "old", 20000, "8 days");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  outbox::SweepLimits limits;
  limits.lock_timeout = std::chrono::milliseconds{20};
  Admin holder{database.name()};
  struct Case {
    const char* mode;
    const char* tried;
  };
  for (const Case& each : {Case{"ACCESS EXCLUSIVE", "1 batch "}, Case{"SHARE", "5 batches "}}) {
    holder.execute(std::string{"BEGIN; LOCK TABLE public.event_outbox IN "} + each.mode + " MODE");
    const auto applied = session.sweep(event_outbox(), step, limits);
    CHECK(applied.kind == Applied::Kind::yielded);
    CHECK(applied.rows == 0);
    REQUIRE(finding(applied.findings, "batches_locked") != nullptr);
    CHECK(finding(applied.findings, "batches_locked")->text.rfind(each.tried, 0) == 0);
    holder.execute("ROLLBACK");
  }
  CHECK(remaining(admin) == "old:20000");
}

TEST_CASE("a sweep stops when its time is over and says that rows are left") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 100, "8 days");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  outbox::SweepLimits limits;
  limits.time = std::chrono::milliseconds{0};
  const auto applied = session.sweep(event_outbox(), step, limits);
  CHECK(applied.rows == 0);
  CHECK(finding(applied.findings, "sweep_unfinished") != nullptr);
  CHECK(remaining(database.admin()) == "old:100");
}

TEST_CASE("a delete that the server refuses for another reason is an error, not a value") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 3, "8 days");
  database.admin().execute(
      "CREATE TABLE public.audit (outbox_id text REFERENCES public.event_outbox);"
      "INSERT INTO public.audit VALUES ('old2')");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  CHECK_THROWS_AS(session.sweep(event_outbox(), step), pg::Error);
  CHECK(session.connection().state() == pg::SessionState::ready);
  CHECK(remaining(database.admin()) == "old:3");
}

TEST_CASE("every leaf of a partitioned outbox is swept, its default too") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin, " PARTITION BY RANGE (created_at)");
  admin.execute(
      "CREATE TABLE public.leaf_1 PARTITION OF public.event_outbox FOR VALUES FROM "
      "('2020-01-01 00:00+00') TO ('2025-01-01 00:00+00');"
      "CREATE TABLE public.\"Leaf 2\" PARTITION OF public.event_outbox FOR VALUES FROM "
      "('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00') PARTITION BY LIST (stream_name);"
      "CREATE TABLE public.leaf_2a PARTITION OF public.\"Leaf 2\" FOR VALUES IN ('s');"
      "CREATE TABLE public.rest PARTITION OF public.event_outbox DEFAULT;"
      "ALTER TABLE public.leaf_1 OWNER TO pgc_owner; ALTER TABLE public.leaf_2a OWNER TO pgc_owner;"
      "ALTER TABLE public.\"Leaf 2\" OWNER TO pgc_owner; ALTER TABLE public.rest OWNER TO "
      "pgc_owner");
  for (const char* year : {"2024", "2025", "2026"}) {
    const std::string at = std::string{"'"} + year + "-06-01 00:00+00'";
    admin.execute(
        "INSERT INTO public.event_outbox (id, created_at, dispatched_at) SELECT 'old' || g," + at +
        ", now() - interval '8 days' FROM generate_series(1, 50) g");
    admin.execute(
        "INSERT INTO public.event_outbox (id, created_at, dispatched_at) VALUES ('young1'," + at +
        ", now())");
    admin.execute("INSERT INTO public.event_outbox (id, created_at) VALUES ('pending1'," + at +
                  ")");
  }
  config::Outbox settings = event_outbox();
  settings.done->where = "event_outbox.dispatched_at IS NOT NULL";
  Session session{database.options()};
  const auto snapshot = session.observe(settings);
  CHECK(snapshot.heaps.size() == 3);
  CHECK(snapshot.states[1].due_rows == 150);
  const auto step = only_step(outbox::plan(snapshot, settings));
  CHECK(session.sweep(settings, step).rows == 150);
  CHECK(remaining(admin) == "pending:3 young:3");
}

TEST_CASE("a row that cannot be deleted keeps its batch only, and the error comes at the end") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  add_done(admin, "old", 20000, "8 days");
  admin.execute(
      "CREATE TABLE public.audit (outbox_id text REFERENCES public.event_outbox);"
      "INSERT INTO public.audit VALUES ('old1')");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  CHECK_THROWS_AS(session.sweep(event_outbox(), step), pg::Error);
  const auto left = admin.number("SELECT count(*) FROM public.event_outbox");
  CHECK(left > 0);
  CHECK(left < 5000);
}

TEST_CASE("what the server refuses everywhere is not tried to the end of a large table") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  add_done(admin, "old", 40000, "8 days");
  admin.execute(
      "CREATE SEQUENCE public.tries;"
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN PERFORM nextval(''public.tries''); RAISE EXCEPTION ''never''; END';"
      "GRANT ALL ON SEQUENCE public.tries TO PUBLIC;"
      "CREATE TRIGGER refuse BEFORE DELETE ON public.event_outbox FOR EACH STATEMENT EXECUTE "
      "FUNCTION public.refuse()");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  CHECK_THROWS_AS(session.sweep(event_outbox(), step), pg::Error);
  CHECK(admin.number("SELECT last_value FROM public.tries") == outbox::SweepLimits{}.max_refused);
}

TEST_CASE("a sweep ends between two batches when it may not go on") {
  TestDatabase database;
  create_event_outbox(database.admin());
  add_done(database.admin(), "old", 20000, "8 days");
  Session session{database.options()};
  const auto step = only_step(session.plan(event_outbox()));
  session.may_go_on = [asked = 0]() mutable { return ++asked <= 2; };
  const auto applied = session.sweep(event_outbox(), step);
  CHECK(applied.rows > 0);
  CHECK(applied.rows < 20000);
  REQUIRE(finding(applied.findings, "sweep_unfinished") != nullptr);
  CHECK(finding(applied.findings, "sweep_unfinished")->text ==
        "stopped as told with rows left for the next pass");
}
