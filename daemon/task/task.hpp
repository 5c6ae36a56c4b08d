// SPDX-License-Identifier: Apache-2.0
// The contract of every kind of maintenance.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/awaitable.hpp"
#include "async/clock.hpp"
#include "postgres/connection.hpp"
#include "postgres/pool.hpp"
#include "task/clock_check.hpp"
#include "task/progress.hpp"
#include "task/step.hpp"

namespace pgcaretaker::task {

/// What a step may use besides its session.
struct Surroundings {
  async::Clock& clock;
  SteadyTime pass_started;
  std::function<bool()> may_act;      // false = begin nothing new: a stop, or the lease is gone
  std::function<bool()> others_wait;  // true = for a session: do not sit on ours for long
  /// How far a long step has come; moves the deadline of the pass on.
  OnStepProgress progress = [](const StepProgress&) {};
  pg::Pool* sessions = nullptr;  // a second one may be had here for a moment; nullptr = nowhere
};

class Task {
 public:
  virtual ~Task() = default;

  /// KIND:SUBJECT, as in metrics, log and --task.
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Time between the planned starts of two passes.
  [[nodiscard]] virtual Duration every() const = 0;
  /// A pass that is longer, and for so long has shown no progress, is cancelled and counts as a
  /// failure.
  [[nodiscard]] virtual Duration deadline() const = 0;

  /// True for a task that must work when no new session can be had: it gets one of its own, kept
  /// open.
  [[nodiscard]] virtual bool needs_own_session() const { return false; }

  /// How far the server's clock may go astray between two passes before steps that were planned by
  /// age stop until a person looks.
  [[nodiscard]] virtual Duration tolerated_jump() const { return Duration::max(); }
  [[nodiscard]] ClockWatch& clock_watch() { return clock_watch_; }

  /// observe -> plan. Changes nothing. `as_of` replaces the server's clock (tests); nullopt in
  /// production. Throws pg::Error when the database cannot be observed; a part that cannot be read
  /// (a missing privilege, a lock in the way) is a finding and the rest goes on.
  virtual Awaitable<Plan> plan(pg::Connection& connection, std::optional<UtcTime> as_of) = 0;

  /// One step, in short transactions. Fills `applied` as it goes: what stands in it has been
  /// committed, however this ends. Throws pg::Error when the server refuses; expected refusals
  /// (lock timeout, lost race) are values. Cancelled at any await, it leaves whole transactions
  /// done or nothing; one cancelled while it commits may be done without standing in `applied`.
  virtual Awaitable<void> apply(pg::Connection& connection, const Step& step,
                                const Surroundings& around, Applied& applied) = 0;

 private:
  ClockWatch clock_watch_;
};

}  // namespace pgcaretaker::task
