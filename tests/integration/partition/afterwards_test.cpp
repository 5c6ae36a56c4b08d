// SPDX-License-Identifier: Apache-2.0
// Freezing closed partitions and analyzing the table, among others who use it.
#include "afterwards_fixture.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <stdexcept>
#include <thread>

using namespace pgcaretaker;
using namespace pgcaretaker::test;

TEST_CASE("a closed partition is frozen and the table analyzed, and then there is nothing to do") {
  Kept kept;
  create_closed(kept.admin());
  const task::Plan before = kept.plan();
  CHECK(acts(before).back() == "analyze public.events");
  const task::Report report = kept.once();
  CHECK(report.outcome == task::Outcome::success);
  CHECK(results(report) == Words{"freeze done", "analyze done"});
  CHECK(codes(report.findings) == Words{});
  CHECK(kept.age() < 20);
  CHECK(kept.admin().number("SELECT reltuples FROM pg_class WHERE relname = 'events_old'") == 2000);
  CHECK(kept.admin().number("SELECT relallvisible - relpages FROM pg_class WHERE relname = "
                            "'events_old'") == 0);
  CHECK(kept.admin().number("SELECT reltuples FROM pg_class WHERE relname = 'events'") == 2000);
  CHECK(kept.admin().number(
            "SELECT count(*) FROM pg_stats WHERE tablename = 'events' AND inherited") > 0);
  CHECK(acts(kept.plan()) == Words{});
  CHECK(results(kept.once()) == Words{});
}

TEST_CASE("neither reset statistics nor many transactions make it freeze again") {
  Kept kept;
  create_closed(kept.admin());
  kept.once();
  for (int i = 0; i < 300; ++i) {
    kept.admin().execute("CREATE TEMP TABLE t (); DROP TABLE t");
  }
  CHECK(acts(kept.plan()) == Words{});
  kept.admin().execute("SELECT pg_stat_reset()");
  until(kept.database.name(), "pg_stat_get_last_analyze_time('public.events'::regclass) IS NULL");
  // When it was analyzed nobody knows any more, so that it is once more.
  CHECK(acts(kept.plan()) == Words{"analyze public.events"});
  CHECK(results(kept.once()) == Words{"analyze done"});
  CHECK(acts(kept.plan()) == Words{});
}

TEST_CASE("large values, which lie out of line, are frozen as well") {
  Kept kept;
  create_closed(kept.admin());
  create_window(kept);
  // As an interrupted VACUUM leaves it.
  kept.admin().execute("VACUUM (FREEZE, PROCESS_TOAST false) public.events_old");
  CHECK(kept.age() < 20);
  CHECK(acts(kept.plan()).front() == "freeze public.events_old");
  kept.once();
  CHECK(acts(kept.plan()) == Words{});
}

TEST_CASE("a table without a row comes to rest as well") {
  Kept kept;
  create_closed(kept.admin(), 0);
  CHECK(results(kept.once()) == Words{"freeze done", "analyze done"});
  CHECK(acts(kept.plan()) == Words{});
}

TEST_CASE("a table that is looked at every few seconds is tended as well") {
  Kept kept;
  create_closed(kept.admin());
  config::Partition settings = tended_events();
  settings.every = 1s;
  CHECK(results(kept.once(settings)) == Words{"freeze done", "analyze done"});
}

TEST_CASE("both can be switched off") {
  Kept kept;
  create_closed(kept.admin());
  config::Partition settings = tended_events();
  settings.freeze = false;
  CHECK(results(kept.once(settings)) == Words{"analyze done"});
  settings.freeze = true;
  settings.analyze = false;
  CHECK(results(kept.once(settings)) == Words{"freeze done"});
}

TEST_CASE("who may still need old rows holds the freeze back until the end") {
  Kept kept;
  create_closed(kept.admin());
  Admin other{kept.database.name()};
  std::string end = "COMMIT";
  std::string who;
  SUBCASE("a reader") {
    other.execute("SET application_name = 'long report'");
    other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    other.execute("SELECT 1 FROM pg_class LIMIT 1");
    who = "application long report";
  }
  SUBCASE("a writer between two statements") {
    other.execute("SET application_name = 'writer'");
    other.execute("CREATE TABLE public.other (); BEGIN; DROP TABLE public.other");
    who = "application writer";
  }
  SUBCASE("a prepared transaction") {
    other.execute("CREATE TABLE public.other (); BEGIN; DROP TABLE public.other");
    other.execute("PREPARE TRANSACTION 'undecided'");
    end = "ROLLBACK PREPARED 'undecided'";
    who = "prepared transaction \"undecided\"";
  }
  // Planned before it is known that the freeze has to wait, since the window is only being made.
  CHECK(acts(kept.plan())[2] == "freeze public.events_old");
  const task::Report report = kept.once();
  CHECK(results(report) == Words{"freeze yielded", "analyze done"});
  CHECK(report.outcome == task::Outcome::success);
  const task::Plan waiting = kept.plan();
  CHECK(acts(waiting) == Words{});
  CHECK(contains(finding_of(waiting.findings, "freeze_held_back").text, who));
  CHECK(kept.admin().number("SELECT relallvisible FROM pg_class WHERE relname = 'events_old'") ==
        0);
  other.execute(end);
  CHECK(acts(kept.plan()) == Words{"freeze public.events_old"});
  CHECK(results(kept.once()) == Words{"freeze done"});
  CHECK(acts(kept.plan()) == Words{});
  CHECK(kept.age() < 20);
}

TEST_CASE("a transaction of another database holds nothing back") {
  Kept kept;
  create_closed(kept.admin());
  TestDatabase elsewhere;
  elsewhere.admin().execute(
      "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1");
  CHECK(results(kept.once()) == Words{"freeze done", "analyze done"});
  CHECK(acts(kept.plan()) == Words{});
}

TEST_CASE("a freeze ends as soon as somebody waits for its lock, and goes on with the next pass") {
  Kept kept;
  create_closed(kept.admin());
  create_window(kept);
  Admin reader{kept.database.name()};
  reader.execute(look_at_a_page);
  std::atomic<bool> has_altered{false};
  std::thread other{[&] {
    until(kept.database.name(), "EXISTS (SELECT FROM pg_stat_progress_vacuum)");
    Admin session{kept.database.name()};
    session.execute("SET application_name = 'migration'; SET lock_timeout = '20s'");
    try {
      session.execute("ALTER TABLE public.events_old SET (fillfactor = 90)");
      has_altered = true;
    } catch (const std::runtime_error&) {
    }
    // Should nobody have made way, this lets the VACUUM come to its end.
    reader.execute("COMMIT");
  }};
  config::Partition settings = tended_events();
  settings.analyze = false;
  const task::Report report = kept.once(settings);
  other.join();
  CHECK(has_altered);
  CHECK(results(report) == Words{"freeze yielded"});
  CHECK(report.outcome == task::Outcome::success);
  CHECK(contains(finding_of(report.findings, "made_way").text, "application migration) waits"));
  CHECK(acts(kept.plan(settings)) == Words{"freeze public.events_old"});
  CHECK(results(kept.once(settings)) == Words{"freeze done"});
  CHECK(acts(kept.plan(settings)) == Words{});
}

TEST_CASE("an analysis ends as soon as somebody wants to attach a partition") {
  Kept kept;
  create_closed(kept.admin());
  create_window(kept);
  kept.admin().execute(
      "CREATE FUNCTION public.slow(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS "
      "'BEGIN PERFORM pg_catalog.pg_sleep(0.02); RETURN value; END';"
      "CREATE STATISTICS public.slow_statistics ON (public.slow(id)), note FROM public.events;"
      "ALTER STATISTICS public.slow_statistics OWNER TO pgc_owner;"
      "CREATE TABLE public.far (LIKE public.events INCLUDING ALL)");
  config::Partition settings = tended_events();
  settings.freeze = false;
  std::thread other{[&] {
    until(kept.database.name(),
          "EXISTS (SELECT FROM pg_stat_progress_analyze WHERE relid = 'public.events'::regclass)");
    Admin session{kept.database.name()};
    session.execute(
        "ALTER TABLE public.events ATTACH PARTITION public.far FOR VALUES FROM ('2099-01-01+00') "
        "TO "
        "('2099-02-01+00')");
  }};
  const SteadyTime start = kept.clock.now();
  const task::Report report = kept.once(settings);
  other.join();
  // To its end it would have taken forty seconds.
  CHECK(kept.clock.now() - start < 20s);
  CHECK(results(report) == Words{"analyze yielded"});
  CHECK(contains(finding_of(report.findings, "made_way").text, " waits for it"));
  CHECK(names(kept.admin()).size() == 4);
}

TEST_CASE("where no second session can be had, it ends after two seconds at the latest") {
  Kept kept{1};
  create_closed(kept.admin());
  create_window(kept);
  Admin reader{kept.database.name()};
  reader.execute(look_at_a_page);
  const task::Report report = kept.once();
  CHECK(results(report).front() == "freeze yielded");
  CHECK(contains(finding_of(report.findings, "made_way").text, "no second session"));
  reader.execute("COMMIT");
  CHECK(results(kept.once()).front() == "freeze done");
}

TEST_CASE("a freeze ends when another task waits for a session") {
  Kept kept{2};
  create_closed(kept.admin());
  create_window(kept);
  Admin reader{kept.database.name()};
  reader.execute(look_at_a_page);
  partition::PartitionTask task{tended_events()};
  const auto both = [&]() -> Awaitable<std::string> {
    const pg::Loan busy = co_await kept.pool.acquire();
    const pg::Loan next = co_await kept.pool.acquire();
    co_return "the second one came";
  };
  const auto work = [&](task::Report& report) -> Awaitable<void> {
    const task::PassOptions options;
    report = co_await task::run_pass(task, kept.pool, kept.clock, options);
  };
  task::Report report;
  asio::co_spawn(kept.loop, work(report), [&](std::exception_ptr) {});
  CHECK(run(kept.loop, both()) == "the second one came");
  kept.loop.restart();
  kept.loop.run();
  CHECK(results(report).front() == "freeze yielded");
  CHECK(contains(finding_of(report.findings, "made_way").text, "another task waits"));
}

TEST_CASE("nobody is made to wait when another session holds the lock already") {
  Kept kept;
  create_closed(kept.admin());
  create_window(kept);
  Admin other{kept.database.name()};
  std::string subject;
  SUBCASE("on the partition, as autovacuum does") {
    other.execute("BEGIN; LOCK TABLE ONLY public.events_old IN SHARE UPDATE EXCLUSIVE MODE");
    subject = closed_table;
  }
  SUBCASE("on the table") {
    other.execute("BEGIN; LOCK TABLE ONLY public.events IN SHARE UPDATE EXCLUSIVE MODE");
    subject = "public.events";
  }
  until(kept.database.name(),
        "EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND "
        "clock_timestamp() - xact_start > interval '60ms')");
  const task::Report report = kept.once();
  CHECK(report.outcome == task::Outcome::success);
  CHECK(finding_of(report.findings, "lock_timeout").subject == subject);
  CHECK(finding_of(report.findings, "lock_timeout").severity == task::Severity::info);
  other.execute("COMMIT");
  kept.once();
  CHECK(acts(kept.plan()) == Words{});
}

TEST_CASE("what the role may not vacuum is said once, and MAINTAIN is enough") {
  Kept kept;
  create_closed(kept.admin());
  create_window(kept);
  kept.admin().execute("ALTER DATABASE \"" + kept.database.name() +
                       "\" OWNER TO postgres; ALTER TABLE public.events_old OWNER TO postgres");
  const task::Report report = kept.once();
  CHECK(report.outcome == task::Outcome::success);
  CHECK(results(report) == Words{"analyze done"});
  CHECK(contains(finding_of(report.findings, "may_not_freeze").text, closed_table));
  CHECK(acts(kept.plan()) == Words{});
  if (server_major() < 17) return;
  kept.admin().execute("GRANT MAINTAIN ON public.events_old TO pgc_owner");
  CHECK(results(kept.once()) == Words{"freeze done"});
  CHECK(acts(kept.plan()) == Words{});
}

TEST_CASE("the table alone is analyzed where PostgreSQL can") {
  Kept kept;
  create_closed(kept.admin());
  config::Partition settings = tended_events();
  settings.freeze = false;
  kept.once(settings);
  const bool leaf_was_analyzed =
      kept.admin().value("SELECT reltuples FROM pg_class WHERE relname = 'events_old'") != "-1";
  CHECK(leaf_was_analyzed == (server_major() < 18));
  CHECK(acts(kept.plan(settings)) == Words{});
}

TEST_CASE("a session that froze has its own settings again") {
  Kept kept{1};
  create_closed(kept.admin());
  const std::string before = kept.session_settings();
  CHECK(results(kept.once()) == Words{"freeze done", "analyze done"});
  CHECK(kept.session_settings() == before);
}
