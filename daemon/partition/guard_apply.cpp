// SPDX-License-Identifier: Apache-2.0
// Raise, validate, act; and take back what was raised.
#include "partition/guard_apply.hpp"

#include <algorithm>
#include <exception>

#include "partition/apply.hpp"
#include "partition/guard.hpp"
#include "partition/lock_hooks.hpp"
#include "partition/refusal.hpp"
#include "partition/rescue_refusal.hpp"
#include "partition/urgency.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using task::Applied;
using task::Statement;
using task::Step;

// VALIDATE reads the whole default while all others go on.
constexpr Duration longest_validation = 5min;
// From the guard on rows may be refused, so that what it is for has to come soon or not at all.
constexpr Duration longest_guard = 10s;
// As everywhere where others wait for our locks, see apply.cpp.
constexpr Duration longest_raise = 500ms;

using StatementPlace = std::vector<Statement>::const_iterator;

StatementPlace validation_of(const Step& step) {
  return std::ranges::find(step.statements, statement::validate_guard, &Statement::name);
}

/// The step with these of its statements only.
Step part(const Step& step, StatementPlace from, StatementPlace to) {
  Step result = step;
  result.statements.assign(from, to);
  return result;
}

/// One transaction; throws FailedCheck and pg::Error.
Awaitable<void> send_all(pg::Connection& connection, const std::vector<Statement>& statements,
                         pg::TransactionOptions options) {
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    for (const Statement& sent : statements) {
      const pg::Params none;
      const pg::Result result = co_await connection.run(sent.name, sent.sql, none);
      if (sent.expect_rows && result.size() != *sent.expect_rows) throw FailedCheck{sent.name};
    }
  };
  co_await pg::transact(connection, options, body);
}

/// One part under its own lock_timeout; nullopt = done, or its lock was not granted.
Awaitable<std::optional<Applied>> send_part(pg::Connection& connection,
                                            const config::Partition& settings, const Step& step,
                                            pg::TransactionOptions options, bool& was_refused) {
  std::optional<Applied> ended;
  was_refused = false;
  try {
    co_await send_all(connection, step.statements, options);
  } catch (const FailedCheck& check) {
    ended = after_failed_rescue(settings, step, check);
  } catch (const pg::Error& error) {
    was_refused = error.is_lock_timeout() || error.is_deadlock();
    if (!was_refused) ended = after_refused_rescue(settings, step, error);
    if (!was_refused && !ended) throw;
  }
  co_return ended;
}

/// Searches for the lock on the default alone and sends `step` under it; nullopt = done.
Awaitable<std::optional<Applied>> search_and_send(pg::Connection& connection,
                                                  const config::Partition& settings,
                                                  const Step& step,
                                                  const task::Surroundings& around,
                                                  telemetry::Samples& samples) {
  std::optional<Applied> ended;
  pg::LockSearch search = lock_search(settings, step, around);
  search.attempt = [&](Duration lock_timeout) -> Awaitable<pg::Attempt> {
    pg::TransactionOptions options;
    options.lock_timeout = lock_timeout;
    options.statement_timeout = lock_timeout + longest_raise;
    options.idle_timeout = longest_silence;
    bool was_refused = false;
    ended = co_await send_part(connection, settings, step, options, was_refused);
    co_return was_refused ? pg::Attempt::no_lock : pg::Attempt::ended;
  };
  const pg::LockSpent spent = co_await pg::search_lock(
      connection, around.clock, around.pass_started, step.effort, step.locks, search);
  count_attempts(settings, spent, samples);
  if (spent.gave_up) ended = lock_not_granted(step, spent);
  co_return ended;
}

Awaitable<std::optional<Applied>> validate(pg::Connection& connection,
                                           const config::Partition& settings, const Step& step) {
  pg::TransactionOptions options;
  options.lock_timeout = settings.lock_timeout;
  options.statement_timeout = longest_validation;
  bool was_refused = false;
  std::optional<Applied> ended =
      co_await send_part(connection, settings, step, options, was_refused);
  if (was_refused) {
    const pg::LockSpent nobody_seen;
    ended = lock_not_granted(step, nobody_seen);
  }
  co_return ended;
}

/// From now on, for so long at most.
task::Surroundings starting_now(const task::Surroundings& around) {
  task::Surroundings result = around;
  result.pass_started = around.clock.now();
  result.others_wait = [] { return false; };
  return result;
}

Step shortly(Step step, const config::Partition& settings) {
  step.effort.patience = std::min(longest_guard, settings.patience);
  if (step.effort.insistence.empty()) step.effort.insistence = {settings.lock_timeout};
  return step;
}

/// Forced, since rows may be refused while it waits.
Awaitable<void> take_back(pg::Connection& connection, const config::Partition& settings,
                          const Step& step, const task::Surroundings& around, Applied& applied) {
  Step unguard = part(step, step.statements.end(), step.statements.end());
  unguard.action = action::unguard;
  unguard.statements = {taken_back(step)};
  set_urgency(unguard, settings, Urgency::forced);
  unguard = shortly(std::move(unguard), settings);
  const task::Surroundings now = starting_now(around);
  std::optional<Applied> failed =
      co_await search_and_send(connection, settings, unguard, now, applied.samples);
  if (!failed) co_return;
  applied.findings.insert(applied.findings.end(), failed->findings.begin(), failed->findings.end());
  applied.findings.push_back(guard_left(step));
}

/// What comes after the guard stands; takes it back when the step is not done.
Awaitable<void> act_and_take_back(pg::Connection& connection, const config::Partition& settings,
                                  const Step& step, const task::Surroundings& around,
                                  Applied& applied) {
  const StatementPlace validation = validation_of(step);
  const Step validating = part(step, validation, validation + 1);
  const Step acting = shortly(part(step, validation + 1, step.statements.end()), settings);
  const task::Surroundings now = starting_now(around);
  std::exception_ptr failure;
  try {
    std::optional<Applied> refused = co_await validate(connection, settings, validating);
    if (refused) {
      applied = std::move(*refused);
    } else {
      co_await apply_step(connection, settings, acting, now, applied);
    }
  } catch (const pg::Error&) {
    failure = std::current_exception();
  }
  const bool is_over = !failure && applied.kind == Applied::Kind::done;
  if (!is_over && connection.state() == pg::SessionState::ready) {
    co_await take_back(connection, settings, step, around, applied);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

bool is_guarded(const Step& step) {
  return validation_of(step) != step.statements.end();
}

Awaitable<void> apply_guarded(pg::Connection& connection, const config::Partition& settings,
                              const Step& step, const task::Surroundings& around,
                              Applied& applied) {
  const Step raising = part(step, step.statements.begin(), validation_of(step));
  telemetry::Samples samples;
  std::optional<Applied> refused =
      co_await search_and_send(connection, settings, raising, around, samples);
  if (refused) {
    applied = std::move(*refused);
  } else {
    co_await act_and_take_back(connection, settings, step, around, applied);
  }
  applied.samples.insert(applied.samples.begin(), samples.begin(), samples.end());
}

}  // namespace pgcaretaker::partition
