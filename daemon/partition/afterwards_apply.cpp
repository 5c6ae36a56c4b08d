// SPDX-License-Identifier: Apache-2.0
// One statement outside a transaction, which makes way.
#include "partition/afterwards_apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/duration.hpp"
#include "partition/afterwards_steps.hpp"
#include "partition/lock_hooks.hpp"
#include "partition/make_way.hpp"
#include "partition/refusal.hpp"
#include "partition/steps.hpp"
#include "postgres/outside.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using task::Applied;
using task::Severity;
using task::Statement;
using task::Step;

// What is not done by then goes on with the next pass. Passes of a task do not overlap, so that
// together they must not take up the time until the next one, which may have to create.
constexpr Duration longest_work = 5min;
constexpr Duration shortest_work = 1s;
constexpr int share_of_pass = 20;
// Before the pass's own deadline, see PartitionTask::deadline().
constexpr Duration longest_after_patience = 8min;
// The server's own limit, should ours fail.
constexpr Duration margin = 2s;
// As autovacuum does it: gently.
constexpr Duration cost_delay = 2ms;
// PostgreSQL 14 collects statistics up to half a second late, and the look after us must see them.
constexpr int first_with_shared_statistics = 150000;
constexpr Duration collector_delay = 1s;

SteadyTime end_of_work(const config::Partition& settings, const task::Surroundings& around,
                       SteadyTime now) {
  const Duration share = std::clamp(settings.every / share_of_pass, shortest_work, longest_work);
  return std::min(now + share, around.pass_started + settings.patience + longest_after_patience);
}

/// nullopt = an error, or a lock that was not granted in time.
std::optional<Applied> after_refused_work(const Step& step, const pg::Error& error) {
  if (error.is_connection_lost() || error.is_lock_timeout() || error.is_deadlock()) {
    return std::nullopt;
  }
  if (error.is_statement_timeout()) return made_way(step, "it was cancelled");
  if (error.sqlstate() == "42P01") {
    Applied applied;
    applied.kind = Applied::Kind::nothing;
    return applied;
  }
  return come_back(step, Severity::warning, "not_maintained",
                   fmt::format("{} was refused: {}", step.action, error.message()));
}

Applied done(const config::Partition& settings) {
  Applied applied;
  applied.samples = {telemetry::Sample{
      telemetry::Metric::lock_attempts_total, {settings.table.text(), "granted"}, 1}};
  return applied;
}

/// The statements before the last: whether it is still as planned. As login, which sees others.
Awaitable<bool> is_still_due(pg::Connection& connection, const Step& step) {
  bool is_due = true;
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    co_await connection.query("partition.look_as_login", "SET LOCAL ROLE NONE");
    for (std::size_t i = 0; i + 1 < step.statements.size(); ++i) {
      const Statement& asked = step.statements[i];
      const pg::Params none;
      const pg::Result result = co_await connection.run(asked.name, asked.sql, none);
      if (asked.expect_rows && result.size() != *asked.expect_rows) is_due = false;
    }
  };
  pg::TransactionOptions options;
  options.statement_timeout = margin;
  options.read_only = true;
  co_await pg::transact(connection, options, body);
  co_return is_due;
}

class Work {
 public:
  Work(pg::Connection& connection, const config::Partition& settings, const Step& step,
       const task::Surroundings& around)
      : connection_{connection}, settings_{settings}, step_{step}, around_{around} {}

  /// nullopt = the lock was not granted.
  Awaitable<std::optional<Applied>> attempt(Duration lock_timeout) {
    std::optional<Applied> ended;
    try {
      const bool is_due = co_await is_still_due(connection_, step_);
      if (!is_due) {
        // The look that follows says why.
        ended.emplace();
        ended->kind = Applied::Kind::yielded;
        ended->can_wait = true;
        co_return ended;
      }
      ended = co_await run(lock_timeout);
    } catch (const pg::Error& error) {
      ended = after_refused_work(step_, error);
      if (!ended && error.is_connection_lost()) throw;
    }
    co_return ended;
  }

 private:
  Awaitable<std::optional<Applied>> run(Duration lock_timeout) {
    const SteadyTime now = around_.clock.now();
    const SteadyTime until = end_of_work(settings_, around_, now);
    const Duration left = std::chrono::duration_cast<Duration>(until - now);
    std::optional<Applied> ended;
    if (left < shortest_work) {
      ended = made_way(step_, "the pass has no time left for it");
      co_return ended;
    }
    const int pid = connection_.backend_pid();
    pg::Manners manners;
    manners.lock_timeout = lock_timeout;
    manners.statement_timeout = left + margin;
    manners.cost_delay = cost_delay;
    manners.reason_to_stop = [this, pid, until] { return reason_to_end(around_, pid, until); };
    const Statement& work = step_.statements.back();
    const std::optional<std::string> stopped =
        co_await pg::run_politely(connection_, work.name, work.sql, manners);
    if (stopped) {
      ended = made_way(step_, *stopped);
    } else {
      co_await wait_for_collector();
      ended = done(settings_);
    }
    co_return ended;
  }

  Awaitable<void> wait_for_collector() {
    if (connection_.server_version() >= first_with_shared_statistics) co_return;
    if (step_.action == action::analyze) co_await around_.clock.sleep_for(collector_delay);
  }

  pg::Connection& connection_;
  const config::Partition& settings_;
  const Step& step_;
  const task::Surroundings& around_;
};

}  // namespace

Awaitable<void> apply_afterwards(pg::Connection& connection, const config::Partition& settings,
                                 const Step& step, const task::Surroundings& around,
                                 Applied& applied) {
  Work work{connection, settings, step, around};
  const Try attempt = [&](Duration lock_timeout, telemetry::Samples&) {
    return work.attempt(lock_timeout);
  };
  co_await search_and_apply(connection, settings, step, around, attempt, applied);
}

}  // namespace pgcaretaker::partition
