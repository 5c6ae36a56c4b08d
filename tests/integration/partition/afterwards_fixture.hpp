// SPDX-License-Identifier: Apache-2.0
// A table as `run` keeps it, with one partition that has closed.
#pragma once

#include <chrono>
#include <string>

#include "partition_fixture.hpp"
#include "postgres/pool.hpp"
#include "task/pass.hpp"

namespace pgcaretaker::test {

using namespace std::chrono_literals;

inline constexpr const char* closed_table = "public.events_old";

/// Months, one ahead, and everything afterwards; one try a pass.
inline config::Partition tended_events() {
  config::Partition settings = events();
  settings.lock_timeout = 50ms;
  settings.freeze = true;
  settings.analyze = true;
  return settings;
}

/// public.events with one partition of the month before last, attached by hand, of `rows` rows that
/// nobody has counted, but of which the server's statistics know.
inline void create_closed(Admin& admin, int rows = 2000) {
  create_events(admin);
  admin.execute(
      "SET timezone = 'UTC'; SET client_min_messages = error;"
      "CREATE TABLE public.events_old (LIKE public.events INCLUDING ALL);"
      "ALTER TABLE public.events_old SET (autovacuum_enabled = off);"
      "ALTER TABLE public.events_old OWNER TO pgc_owner;"
      "DO $$ DECLARE month timestamptz := date_trunc('month', now()); BEGIN "
      "EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.events_old FOR VALUES "
      "FROM "
      "(%L) TO (%L)', month - interval '2 months', month - interval '1 month'); END $$");
  admin.execute(
      "INSERT INTO public.events (id, at) SELECT g, date_trunc('month', now()) - interval '40 "
      "days' FROM generate_series(1, " +
      std::to_string(rows) + ") g");
  // Otherwise a session tells of its writes a second or ten later.
  if (server_major() >= 15) admin.execute("SELECT pg_stat_force_next_flush()");
  const std::string known =
      "SELECT pg_stat_get_live_tuples('public.events_old'::regclass), pg_stat_clear_snapshot()";
  while (admin.number(known) < rows) {
  }
}

/// A table as `run` keeps it: passes on sessions of a pool.
struct Kept {
  explicit Kept(int sessions = 3)
      : pool{database.options(), sessions, canceller, loop.get_executor()} {}

  task::Report once(const config::Partition& settings = tended_events()) {
    partition::PartitionTask task{settings};
    return run(loop, task::run_pass(task, pool, clock, {}));
  }
  task::Plan plan(const config::Partition& settings = tended_events()) {
    partition::PartitionTask task{settings};
    return run(loop, task::plan_only(task, pool, clock));
  }
  Admin& admin() { return database.admin(); }
  /// Of a session of the pool: what freezing changes for a while.
  std::string session_settings() {
    const auto read = [this]() -> Awaitable<std::string> {
      const pg::Loan loan = co_await pool.acquire();
      const pg::Result result = co_await loan.connection().query(
          "settings",
          "SELECT current_setting('lock_timeout') || current_setting('statement_timeout') || "
          "current_setting('vacuum_cost_delay') AS settings");
      co_return result.only_row().get<std::string>("settings");
    };
    loop.restart();
    return run(loop, read());
  }
  /// Transactions since the oldest row of the closed partition that may be unfrozen.
  long long age() {
    return admin().number("SELECT age(relfrozenxid) FROM pg_class WHERE oid = '" +
                          std::string{closed_table} + "'::regclass");
  }

  TestDatabase database;
  asio::io_context loop{1};
  pg::Canceller canceller;
  pg::Pool pool;
  async::RealClock clock;
};

/// "freeze done", "analyze yielded", only of what is done afterwards.
inline Words results(const task::Report& report) {
  Words result;
  for (const task::Act& act : report.acts) {
    if (act.action == "freeze" || act.action == "analyze") {
      result.push_back(act.action + " " + act.result);
    }
  }
  return result;
}

inline const task::Finding& finding_of(const std::vector<task::Finding>& findings,
                                       const std::string& code) {
  for (const task::Finding& finding : findings) {
    if (finding.code == code) return finding;
  }
  FAIL("no finding ", code);
  return findings.front();
}

/// The window stands and nothing has been done afterwards.
inline void create_window(Kept& kept) {
  config::Partition settings = tended_events();
  settings.freeze = false;
  settings.analyze = false;
  kept.once(settings);
}

/// Asks the server again and again until it says yes; a test that waits in vain fails by itself.
inline void until(const std::string& dbname, const std::string& question) {
  Admin watcher{dbname};
  const SteadyTime end = std::chrono::steady_clock::now() + 30s;
  while (watcher.value("SELECT " + question) != "t" && std::chrono::steady_clock::now() < end) {
  }
}

/// A reader who keeps his eye on a page, for which a VACUUM that freezes it has to wait.
inline constexpr const char* look_at_a_page =
    "BEGIN; DECLARE eye CURSOR FOR SELECT * FROM public.events_old; FETCH 1 FROM eye";

}  // namespace pgcaretaker::test
