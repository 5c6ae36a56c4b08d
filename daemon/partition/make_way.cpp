// SPDX-License-Identifier: Apache-2.0
// A second session that looks from time to time.
#include "partition/make_way.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "async/with_deadline.hpp"
#include "partition/refusal.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using task::Applied;
using task::Severity;
using task::Step;

// How long somebody may wait for us before we know.
constexpr Duration watch_pause = 200ms;
// Without a second session nobody can tell us that they wait.
constexpr Duration longest_blind = 2s;
// A look takes milliseconds; one that takes longer is as good as none.
constexpr Duration longest_glance = 1s;
constexpr std::string_view somebody_waits = " waits for it";
constexpr std::string_view nobody_to_look =
    "no second session is free to see whether others wait (database.connections)";

constexpr std::string_view waiters_sql = R"(
SELECT pg_catalog.format('pid %s (user %s, application %s)', a.pid, a.usename, a.application_name)
         AS who
  FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks AS l
         WHERE NOT l.granted AND l.pid IS NOT NULL AND l.locktype = ANY ($2)
        OFFSET 0) AS waiting
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = waiting.pid
 WHERE $1::int4 = ANY (pg_catalog.pg_blocking_pids(waiting.pid))
 ORDER BY a.pid LIMIT 1)";

std::vector<std::string> lock_types(const Waitings& watched) {
  std::vector<std::string> types;
  for (const Waiting waiting : watched) {
    if (waiting == Waiting::for_table) {
      types.emplace_back("relation");
    } else {
      types.emplace_back("transactionid");
      types.emplace_back("tuple");  // behind somebody who waits for the transaction
    }
  }
  return types;
}

/// Who waits for `pid`; "" = nobody.
Awaitable<std::string> who_waits(pg::Pool& sessions, int pid, const Waitings& watched,
                                 bool& has_looked) {
  std::string who;
  try {
    const std::optional<pg::Loan> second = co_await sessions.try_acquire();
    if (!second) co_return who;
    const std::vector<std::string> types = lock_types(watched);
    const pg::Result rows =
        co_await second->connection().query("partition.waiters", waiters_sql, pid, types);
    for (const pg::Row row : rows) {
      who = row.get<std::string>("who");
    }
    has_looked = true;
  } catch (const pg::Error&) {
    has_looked = false;  // the work's own session tells whether the server is in trouble
  }
  co_return who;
}

/// The same within longest_glance, in words; "" = nobody is seen.
Awaitable<std::string> glance(const task::Surroundings& around, int pid, const Waitings& watched,
                              bool& has_looked) {
  std::string who;
  if (around.sessions != nullptr) {
    Awaitable<std::string> look = who_waits(*around.sessions, pid, watched, has_looked);
    const SteadyTime deadline = std::chrono::steady_clock::now() + longest_glance;
    const auto found = co_await async::with_deadline(std::move(look), deadline);
    who = found.value_or("");
  }
  if (!who.empty()) who += somebody_waits;
  co_return who;
}

}  // namespace

Awaitable<std::string> reason_to_end(const task::Surroundings& around, int pid, SteadyTime until) {
  const Waitings watched{Waiting::for_table};
  SteadyTime last_look = around.clock.now();
  for (;;) {
    co_await around.clock.sleep_until(std::min(around.clock.now() + watch_pause, until));
    if (!around.may_act()) co_return "nothing more may begin";
    if (around.others_wait()) co_return "another task waits for a session";
    if (around.clock.now() >= until) co_return "its time is over";
    bool has_looked = false;
    const std::string who = co_await glance(around, pid, watched, has_looked);
    if (!who.empty()) co_return who;
    if (has_looked) {
      last_look = around.clock.now();
    } else if (around.clock.now() - last_look >= longest_blind) {
      co_return std::string{nobody_to_look};
    }
  }
}

Awaitable<std::string> waiter_in_words(const task::Surroundings& around, int pid,
                                       const Waitings& watched) {
  SteadyTime last_look = around.clock.now();
  for (;;) {
    co_await around.clock.sleep_for(watch_pause);
    const Waitings looked_for = watched;
    bool has_looked = false;
    const std::string who = co_await glance(around, pid, looked_for, has_looked);
    if (!who.empty() && watched == looked_for) co_return who;
    if (has_looked) {
      last_look = around.clock.now();
    } else if (around.clock.now() - last_look >= longest_blind) {
      co_return std::string{nobody_to_look};
    }
  }
}

Applied made_way(const Step& step, const std::string& why) {
  Applied applied = come_back(
      step, Severity::info, "made_way",
      fmt::format("{} was interrupted, since {}; the next pass goes on", step.action, why));
  // For any other reason the next one of its kind would be interrupted as well.
  applied.stops_action = !why.ends_with(somebody_waits);
  return applied;
}

}  // namespace pgcaretaker::partition
