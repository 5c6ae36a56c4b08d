// SPDX-License-Identifier: Apache-2.0
// One short transaction a try, as many tries as the patience allows; one statement goes without.
#include "partition/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "archive/proof.hpp"
#include "partition/adopt_steps.hpp"
#include "partition/costs.hpp"
#include "partition/journal_apply.hpp"
#include "partition/lock_hooks.hpp"
#include "partition/refusal.hpp"
#include "partition/steps.hpp"
#include "postgres/outside.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Applied;
using task::Statement;
using task::Step;
using telemetry::Metric;
using telemetry::Sample;

/// When the step's locks are held: from the first lock granted (LOCK TABLE), or from the beginning
/// of the statement that takes them (ATTACH, a function), to the end of the transaction.
class LockWatch {
 public:
  void before(const Statement& sent) {
    if (sent.name == statement::attach || sent.name == statement::create_function ||
        sent.name == statement::drop_function) {
      start();
    }
  }
  void after(const Statement& sent) {
    if (sent.name == statement::lock) start();
  }
  [[nodiscard]] std::optional<double> seconds() const {
    if (!since_) return std::nullopt;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - *since_).count();
  }

 private:
  void start() {
    if (!since_) since_ = std::chrono::steady_clock::now();
  }
  std::optional<SteadyTime> since_;
};

// While a retirement holds its locks, all writers of the table wait: catalog changes take
// milliseconds, and a hold_query that takes longer than this is not worth their wait.
constexpr Duration longest_retirement = std::chrono::milliseconds{500};
// What a function gets beyond its locks when these are waited for longer than usual.
constexpr Duration longest_function = std::chrono::seconds{30};
// How long DETACH ... CONCURRENTLY may wait for those who use the table. Nobody waits for it
// meanwhile; who uses the table for longer leaves it half done, and the next pass finishes it.
constexpr Duration longest_concurrently = std::chrono::seconds{30};

bool has(const Step& step, std::string_view statement) {
  return std::ranges::find(step.statements, statement, &Statement::name) != step.statements.end();
}

/// What a configured function does, and for how long, is its own.
pg::TransactionOptions limits_of(const config::Partition& settings, const Step& step,
                                 Duration lock_timeout) {
  pg::TransactionOptions options;
  options.lock_timeout = lock_timeout;
  options.idle_timeout = longest_silence;
  const bool creates = step.action == action::create || step.action == action::adopt;
  if (has(step, statement::create_function) || has(step, statement::drop_function)) {
    const bool is_usual = lock_timeout <= settings.lock_timeout;
    if (!is_usual) options.statement_timeout = lock_timeout + longest_function;
  } else if (has(step, archive::unchanged_proof)) {
    options.statement_timeout = longest_proof;
  } else {
    options.statement_timeout = lock_timeout + (creates ? longest_attach : longest_retirement);
  }
  return options;
}

/// As metrics call it; "" = a step on the way, which changes nothing that is counted. A concurrent
/// detach is one when it is proven: by the step that guards what it has taken out.
std::string_view change_of(const Step& step) {
  if (step.action == action::create) return "created";
  if (step.action == action::adopt) return "rescued";
  if (step.action == action::archive) return "archived";
  if (step.action == action::drop) return "dropped";
  const bool guards = step.action == action::guard && has(step, statement::mark);
  const bool detaches = has(step, statement::detach) || guards || step.action == action::finish;
  return detaches ? "detached" : "";
}

Applied done(const config::Partition& settings, const Step& step) {
  const std::string table = settings.table.text();
  const auto created = std::ranges::count(step.statements, statement::attach, &Statement::name);
  const double changes = static_cast<double>(std::max<std::int64_t>(created, 1));
  const std::string change{change_of(step)};
  Applied applied;
  applied.samples = {Sample{Metric::lock_attempts_total, {table, "granted"}, 1}};
  if (!change.empty()) {
    applied.samples.push_back(Sample{Metric::partition_changes_total, {table, change}, changes});
  }
  if (step.action == action::create || step.action == action::adopt) {
    applied.samples.push_back(
        Sample{Metric::partition_changes_total, {table, "attached"}, changes});
  }
  return applied;
}

/// Leaves an ATTACH what is left of the time since the default partition was locked.
Awaitable<void> limit_attach(pg::Connection& connection, const Step& step, Duration lock_timeout,
                             SteadyTime locked) {
  const Duration all = has_neighbours(step) ? longest_attach_with_keys : longest_attach;
  const auto used = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - locked);
  const Duration left = std::max(all - used, Duration{2});
  co_await limit_from_here(connection, std::min(lock_timeout, left / 2), left);
}

/// The limits of a step once its locks are held.
class Limits {
 public:
  Limits(pg::Connection& connection, const Step& step, const pg::TransactionOptions& options)
      : connection_{connection}, step_{step}, options_{options} {}

  Awaitable<void> before(const Statement& sent) {
    const bool was_attaching = std::exchange(is_attaching_, sent.name == statement::attach);
    if (!locked_ || sent.name == statement::lock) co_return;
    if (is_attaching_) {
      co_await limit_attach(connection_, step_, options_.lock_timeout, *locked_);
    } else if (was_attaching) {
      const Duration lock_timeout = std::min(options_.lock_timeout, longest_retirement);
      co_await limit_from_here(connection_, lock_timeout, longest_retirement);
    } else if (!std::exchange(has_begun_, true)) {
      co_await limit_neighbours(connection_, step_, options_.lock_timeout,
                                options_.statement_timeout);
    }
  }
  void after(const Statement& sent) {
    if (sent.name == statement::lock) locked_ = std::chrono::steady_clock::now();
  }

 private:
  pg::Connection& connection_;
  const Step& step_;
  const pg::TransactionOptions& options_;
  std::optional<SteadyTime> locked_;
  bool has_begun_ = false;  // to do what it was locked for
  bool is_attaching_ = false;
};

/// One transaction; nullopt = a lock was not granted in time, or lost to a deadlock.
Awaitable<std::optional<Applied>> attempt_step(pg::Connection& connection,
                                               const config::Partition& settings, const Step& step,
                                               Duration lock_timeout, telemetry::Samples& samples) {
  LockWatch watch;
  const pg::TransactionOptions options = limits_of(settings, step, lock_timeout);
  Limits limits{connection, step, options};
  std::vector<task::Finding> differences;
  const auto body = [&]() -> Awaitable<void> {
    for (std::size_t i = 0; i < step.statements.size(); ++i) {
      const Statement& sent = step.statements[i];
      if (sent.may_fail) {
        i += co_await write_if_possible(connection, step, i, differences) - 1;
        continue;
      }
      co_await limits.before(sent);
      watch.before(sent);
      pg::Params params = pg::Params::of(sent.params);
      const pg::Result result = co_await connection.run(sent.name, sent.sql, std::move(params));
      watch.after(sent);
      limits.after(sent);
      if (sent.name == statement::verify_likeness || sent.name == statement::verify_guards) {
        differences = differences_in(sent, result, differences);
      }
      if (sent.expect_rows && result.size() != *sent.expect_rows) {
        throw FailedCheck{sent.name};  // rolls back
      }
    }
  };
  std::optional<Applied> applied;
  bool no_lock = false;
  try {
    co_await pg::transact(connection, options, body);
    applied = done(settings, step);
    applied->findings = std::move(differences);
  } catch (const FailedCheck& check) {
    applied = after_failed_check(settings, step, check);
  } catch (const pg::Error& error) {
    applied = after_refusal(settings, step, error);
    no_lock = error.is_lock_timeout() || error.is_deadlock();
    if (!applied && !no_lock) throw;
  }
  if (const auto held = watch.seconds(); held && !no_lock) {
    samples.push_back(Sample{Metric::lock_held_seconds, {settings.table.text()}, *held});
  }
  co_return applied;
}

/// What an earlier step did for the sake of this one, which was refused. That it cannot be taken
/// back, or need not be, is for the next pass to see.
Awaitable<void> send_take_back(pg::Connection& connection, const config::Partition& settings,
                               const Step& step) {
  const auto body = [&]() -> Awaitable<void> {
    for (const Statement& sent : step.take_back) {
      const pg::Params none;
      const pg::Result result = co_await connection.run(sent.name, sent.sql, none);
      if (sent.expect_rows && result.size() != *sent.expect_rows) throw FailedCheck{sent.name};
    }
  };
  pg::TransactionOptions options;
  options.lock_timeout = settings.lock_timeout;
  options.statement_timeout = settings.lock_timeout + longest_retirement;
  options.idle_timeout = longest_silence;
  try {
    co_await pg::transact(connection, options, body);
  } catch (const FailedCheck&) {
  } catch (const pg::Error& error) {
    if (connection.state() != pg::SessionState::ready) throw;
  }
}

/// The one statement that PostgreSQL takes outside a transaction only; nullopt as attempt_step().
Awaitable<std::optional<Applied>> attempt_outside(pg::Connection& connection,
                                                  const config::Partition& settings,
                                                  const Step& step) {
  const Statement& sent = step.statements.front();
  std::optional<Applied> applied;
  try {
    co_await pg::run_outside(connection, sent.name, sent.sql, longest_concurrently);
    applied = done(settings, step);
  } catch (const pg::Error& error) {
    applied = after_refusal(settings, step, error);
    if (!applied && !error.is_deadlock()) throw;
  }
  co_return applied;
}

}  // namespace

std::vector<task::Finding> differences_in(const Statement& proof, const pg::Result& result,
                                          std::vector<task::Finding> before) {
  const bool is_new = proof.name == statement::verify_likeness;
  for (const pg::Row row : result) {
    before.push_back(
        task::Finding{task::Severity::warning, is_new ? "unlike_parent" : "unguarded",
                      row.get<std::string>("subject"),
                      fmt::format("{}, but {}: see partition.new", is_new ? "created" : "detached",
                                  row.get<std::string>("value"))});
  }
  return before;
}

Awaitable<void> apply_step(pg::Connection& connection, const config::Partition& settings,
                           const Step& step, const task::Surroundings& around, Applied& applied) {
  const Try attempt = [&](Duration lock_timeout, telemetry::Samples& samples) {
    return has(step, statement::detach_concurrently)
               ? attempt_outside(connection, settings, step)
               : attempt_step(connection, settings, step, lock_timeout, samples);
  };
  co_await search_and_apply(connection, settings, step, around, attempt, applied);
  const bool is_refused = applied.kind != Applied::Kind::done;
  if (is_refused && !step.take_back.empty()) co_await send_take_back(connection, settings, step);
}

}  // namespace pgcaretaker::partition
