// SPDX-License-Identifier: Apache-2.0
// Raise, validate, act; and take back what was raised, whatever happens.
#include "partition/guard_apply.hpp"

#include <algorithm>
#include <exception>

#include "async/shield.hpp"
#include "async/until.hpp"
#include "partition/adopt_steps.hpp"
#include "partition/apply.hpp"
#include "partition/costs.hpp"
#include "partition/guard.hpp"
#include "partition/lock_hooks.hpp"
#include "partition/make_way.hpp"
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

// What a stop waits for when it comes while a guard stands; the next pass drops what is left.
constexpr Duration longest_clean_up = 3s;
constexpr Duration patience_at_stop = 1s;
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

/// Searches for the lock on the default alone and sends `step` under it; nullopt = done. `is_sent`
/// is true from the first time it is sent until it is known to have come to nothing.
Awaitable<std::optional<Applied>> search_and_send(pg::Connection& connection,
                                                  const config::Partition& settings,
                                                  const Step& step,
                                                  const task::Surroundings& around,
                                                  telemetry::Samples& samples, bool& is_sent) {
  std::optional<Applied> ended;
  pg::LockSearch search = lock_search(settings, step, around);
  search.attempt = [&](Duration lock_timeout) -> Awaitable<pg::Attempt> {
    pg::TransactionOptions options;
    options.lock_timeout = lock_timeout;
    options.statement_timeout = lock_timeout + longest_raise;
    options.idle_timeout = longest_silence;
    bool was_refused = false;
    is_sent = true;
    ended = co_await send_part(connection, settings, step, options, was_refused);
    is_sent = !was_refused && !ended;
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

/// From now on.
task::Surroundings starting_now(const task::Surroundings& around) {
  task::Surroundings result = around;
  result.pass_started = around.clock.now();
  result.others_wait = [] { return false; };
  return result;
}

/// For so long at most.
Step shortly(Step step, const config::Partition& settings, Duration longest = longest_guard) {
  step.effort.patience = std::min(longest, settings.patience);
  if (step.effort.insistence.empty()) step.effort.insistence = {settings.lock_timeout};
  return step;
}

/// One guarded step under way.
class Guarded {
 public:
  Guarded(pg::Connection& connection, const config::Partition& settings, const Step& step,
          const task::Surroundings& around, Applied& applied)
      : connection_{connection},
        settings_{settings},
        step_{step},
        around_{around},
        applied_{applied} {}

  Awaitable<void> run() {
    const Step raising = part(step_, step_.statements.begin(), validation_of(step_));
    telemetry::Samples samples;
    std::optional<Applied> refused =
        co_await search_and_send(connection_, settings_, raising, around_, samples, may_stand_);
    if (refused) {
      applied_ = std::move(*refused);
    } else {
      co_await act();
    }
    applied_.samples.insert(applied_.samples.begin(), samples.begin(), samples.end());
  }

  /// Forced where rows may be refused while it waits; a stop or a lost lease is no reason to leave
  /// it standing. When it stays nevertheless, the next try comes soon.
  Awaitable<void> take_back(Duration patience) {
    if (!may_stand_ || connection_.state() != pg::SessionState::ready) co_return;
    Step unguard = part(step_, step_.statements.end(), step_.statements.end());
    unguard.action = action::unguard;
    unguard.statements = {taken_back(step_)};
    const bool may_refuse = step_.action == action::adopt;
    set_urgency(unguard, settings_, may_refuse ? Urgency::forced : Urgency::pressed);
    unguard.effort.in_vain_for = step_.effort.in_vain_for;
    unguard = shortly(std::move(unguard), settings_, patience);
    task::Surroundings now = starting_now(around_);
    now.may_act = [] { return true; };
    bool is_sent = false;
    const std::optional<Applied> failed =
        co_await search_and_send(connection_, settings_, unguard, now, applied_.samples, is_sent);
    may_stand_ = !is_sent;
    if (!failed) co_return;
    applied_.can_wait = false;
    applied_.waited_in_vain = std::max(applied_.waited_in_vain, failed->waited_in_vain);
    applied_.findings.insert(applied_.findings.end(), failed->findings.begin(),
                             failed->findings.end());
    applied_.findings.push_back(guard_left(step_));
  }

 private:
  /// What comes after the guard stands; takes it back when the step is not done.
  Awaitable<void> act() {
    const StatementPlace validation = validation_of(step_);
    const Step validating = part(step_, validation, validation + 1);
    const Step acting = shortly(part(step_, validation + 1, step_.statements.end()), settings_);
    std::exception_ptr failure;
    try {
      std::optional<Applied> refused;
      const auto work = [&]() -> Awaitable<void> {
        refused = co_await validate(connection_, settings_, validating);
      };
      const pg::Waitings watched{pg::Waiting::for_table};
      Awaitable<void> validation_work = work();
      Awaitable<std::string> watch = waiter_in_words(around_, connection_.backend_pid(), watched);
      const std::optional<std::string> waiter =
          co_await async::run_until(std::move(validation_work), std::move(watch));
      if (waiter) refused = made_way(step_, *waiter);
      if (refused) {
        applied_ = std::move(*refused);
      } else {
        const task::Surroundings now = starting_now(around_);
        co_await apply_step(connection_, settings_, acting, now, applied_);
      }
    } catch (const pg::Error&) {
      failure = std::current_exception();
    }
    if (!failure && applied_.kind == Applied::Kind::done) {
      may_stand_ = false;
    } else {
      co_await take_back(longest_guard);
    }
    if (failure) std::rethrow_exception(failure);
  }

  pg::Connection& connection_;
  const config::Partition& settings_;
  const Step& step_;
  const task::Surroundings& around_;
  Applied& applied_;
  bool may_stand_ = false;
};

}  // namespace

bool is_guarded(const Step& step) {
  return validation_of(step) != step.statements.end();
}

Awaitable<void> apply_guarded(pg::Connection& connection, const config::Partition& settings,
                              const Step& step, const task::Surroundings& around,
                              Applied& applied) {
  Guarded guarded{connection, settings, step, around, applied};
  const auto clean_up = [&guarded] { return guarded.take_back(patience_at_stop); };
  co_await async::shield(guarded.run(), clean_up, longest_clean_up);
}

}  // namespace pgcaretaker::partition
