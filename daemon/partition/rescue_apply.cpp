// SPDX-License-Identifier: Apache-2.0
// The transaction of a drain.
#include "partition/rescue_apply.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "async/until.hpp"
#include "partition/apply.hpp"
#include "partition/journal_apply.hpp"
#include "partition/lock_hooks.hpp"
#include "partition/make_way.hpp"
#include "partition/refusal.hpp"
#include "partition/rescue_refusal.hpp"
#include "partition/rescue_steps.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using task::Applied;
using task::Statement;
using task::Step;
using telemetry::Metric;
using telemetry::Sample;

// Millions of rows with their indexes on a busy server; who has to wait for it ends it at once.
// What takes longer is for adopt, or for a person.
constexpr Duration longest_move = 15min;
// While rows are moved and not yet committed, who changes one of them waits for us.
constexpr Duration longest_swap_search = 10s;
// Beyond the pauses of that search.
constexpr Duration longest_pause_between = 5s;
// As everywhere where others wait for our locks, see apply.cpp.
constexpr Duration longest_swap = 2s;

/// The lock for the swap was not granted: everything is rolled back.
struct SwapLockNotGranted {
  pg::LockSpent spent;
};

/// One drain under way.
class Drain {
 public:
  Drain(pg::Connection& connection, const config::Partition& settings, const Step& step,
        const task::Surroundings& around)
      : connection_{connection}, settings_{settings}, step_{step}, around_{around} {
    swap_.action = step.action;
    swap_.subject = step.subject;
    swap_.lock = step.lock;
    swap_.urgency = step.urgency;
    swap_.effort = {settings.lock_timeout, longest_swap_search, step.effort.insistence};
    // With the rows moved already one attempt costs others less than moving them again.
    if (swap_.effort.insistence.empty()) swap_.effort.insistence = {settings.lock_timeout};
  }

  /// For whom it made way; nullopt = it came to its end.
  Awaitable<std::optional<std::string>> run() {
    pg::TransactionOptions options;
    options.lock_timeout = settings_.lock_timeout;
    options.statement_timeout = longest_move;
    options.idle_timeout = longest_pause_between;
    const std::function<Awaitable<void>()> body = [this] { return send_all(); };
    Awaitable<void> work = pg::transact(connection_, options, body);
    Awaitable<std::string> waiter = waiter_in_words(around_, connection_.backend_pid(), watched_);
    co_return co_await async::run_until(std::move(work), std::move(waiter));
  }

  [[nodiscard]] std::int64_t rows() const { return moved_; }
  /// The search for the last lock, in the words of a step.
  [[nodiscard]] const Step& swap() const { return swap_; }
  [[nodiscard]] bool has_moved() const { return has_moved_; }
  [[nodiscard]] std::vector<task::Finding> differences() { return std::move(differences_); }
  [[nodiscard]] std::optional<double> held_seconds() const {
    if (!held_since_) return std::nullopt;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - *held_since_).count();
  }

 private:
  Awaitable<void> send_all() {
    for (std::size_t i = 0; i < step_.statements.size(); ++i) {
      const Statement& sent = step_.statements[i];
      if (sent.may_fail) {
        i += co_await write_if_possible(connection_, step_, i, differences_) - 1;
      } else if (sent.name == statement::swap_lock) {
        co_await search_swap_lock(sent);
        held_since_ = std::chrono::steady_clock::now();
      } else {
        if (sent.name == statement::move) show(i);
        pg::Params params;
        if (sent.name == statement::counted_rows) params = pg::Params::pack(moved_);
        const pg::Result result = co_await connection_.run(sent.name, sent.sql, std::move(params));
        check(sent, result);
      }
    }
  }

  /// The server tells nothing of a statement under way.
  void show(std::size_t statement) const {
    const auto ratio =
        static_cast<double>(statement) / static_cast<double>(step_.statements.size());
    around_.progress({fmt::format("{}: {} rows moved out of the default", step_.subject, moved_),
                      ratio,
                      {},
                      longest_move});
  }

  void check(const Statement& sent, const pg::Result& result) {
    if (sent.expect_rows && result.size() != *sent.expect_rows) throw FailedCheck{sent.name};
    if (sent.name == statement::move) {
      const pg::Row row = result.only_row();
      const auto moved = row.get<std::int64_t>("moved");
      if (row.get<std::int64_t>("arrived") != moved) throw FailedCheck{sent.name};
      moved_ += moved;
      has_moved_ = true;
    } else if (sent.name == statement::prove_moved) {
      if (result.only_row().get<std::int64_t>("arrived") != moved_) throw FailedCheck{sent.name};
    } else if (sent.name == statement::verify_likeness) {
      differences_ = differences_in(sent, result, std::move(differences_));
    }
  }

  /// Everyone who is at the table has to be out of it for a moment, with our rows moved already.
  Awaitable<void> search_swap_lock(const Statement& sent) {
    watched_ = {pg::Waiting::for_row};  // for the table they will, shortly
    pg::LockSearch search = lock_search(settings_, swap_, around_);
    search.is_within = true;
    search.in_a_hurry = [] { return false; };  // another pass would have to move the rows again
    search.attempt = [&](Duration lock_timeout) { return try_swap_lock(sent, lock_timeout); };
    const SteadyTime now = around_.clock.now();
    pg::LockSpent spent = co_await pg::search_lock(connection_, around_.clock, now, swap_.effort,
                                                   step_.locks, search);
    if (spent.gave_up) throw SwapLockNotGranted{std::move(spent)};
  }

  Awaitable<pg::Attempt> try_swap_lock(const Statement& sent, Duration lock_timeout) {
    co_await send("partition.savepoint", "SAVEPOINT swap");
    co_await limit_from_here(connection_, lock_timeout, lock_timeout + longest_swap);
    bool is_granted = true;
    try {
      co_await send(sent.name, sent.sql);
    } catch (const pg::Error& error) {
      if (!error.is_lock_timeout() && !error.is_deadlock()) throw;
      is_granted = false;
    }
    if (!is_granted) co_await send("partition.rollback", "ROLLBACK TO SAVEPOINT swap");
    co_await send("partition.release", "RELEASE SAVEPOINT swap");
    if (is_granted) {
      co_await limit_neighbours(connection_, step_, lock_timeout, lock_timeout + longest_swap);
    }
    co_return is_granted ? pg::Attempt::ended : pg::Attempt::no_lock;
  }

  Awaitable<void> send(std::string name, std::string sql) {
    const pg::Params none;
    co_await connection_.run(std::move(name), std::move(sql), none);
  }

  pg::Connection& connection_;
  const config::Partition& settings_;
  const Step& step_;
  const task::Surroundings& around_;
  Step swap_;
  std::int64_t moved_ = 0;
  bool has_moved_ = false;
  // Who waits for a row of ours has a lock on the table, so that we cannot get ours: in vain.
  pg::Waitings watched_{pg::Waiting::for_table, pg::Waiting::for_row};
  std::optional<SteadyTime> held_since_;
  std::vector<task::Finding> differences_;
};

Applied done(const config::Partition& settings, Drain& drain) {
  const std::string table = settings.table.text();
  Applied applied;
  applied.rows = drain.rows();
  applied.samples = {Sample{Metric::lock_attempts_total, {table, "granted"}, 1},
                     Sample{Metric::partition_changes_total, {table, "rescued"}, 1},
                     Sample{Metric::partition_changes_total, {table, "attached"}, 1}};
  applied.findings = drain.differences();
  return applied;
}

/// One transaction; nullopt = a lock was not granted before any row was moved: try again.
Awaitable<std::optional<Applied>> attempt_drain(pg::Connection& connection,
                                                const config::Partition& settings, const Step& step,
                                                const task::Surroundings& around,
                                                telemetry::Samples& samples) {
  Drain drain{connection, settings, step, around};
  std::optional<Applied> applied;
  try {
    const std::optional<std::string> waiter = co_await drain.run();
    applied = waiter ? made_way(step, *waiter) : done(settings, drain);
  } catch (const SwapLockNotGranted& swap) {
    count_attempts(settings, swap.spent, samples);
    applied = lock_not_granted(drain.swap(), swap.spent);
    applied->can_wait = true;  // each try moves the rows again
  } catch (const FailedCheck& check) {
    applied = after_failed_rescue(settings, step, check);
  } catch (const pg::Error& error) {
    const bool is_lock = error.is_lock_timeout() || error.is_deadlock();
    if (!is_lock || drain.has_moved()) applied = after_refused_rescue(settings, step, error);
    if (!applied && !is_lock) throw;
  }
  if (const auto held = drain.held_seconds()) {
    samples.push_back(Sample{Metric::lock_held_seconds, {settings.table.text()}, *held});
  }
  co_return applied;
}

}  // namespace

bool is_rescue(const Step& step) {
  return step.action == action::drain;
}

Awaitable<void> apply_rescue(pg::Connection& connection, const config::Partition& settings,
                             const Step& step, const task::Surroundings& around, Applied& applied) {
  const Try attempt = [&](Duration, telemetry::Samples& samples) {
    return attempt_drain(connection, settings, step, around, samples);
  };
  co_await search_and_apply(connection, settings, step, around, attempt, applied);
  around.progress({});
}

}  // namespace pgcaretaker::partition
