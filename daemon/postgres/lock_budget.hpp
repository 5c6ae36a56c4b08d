// SPDX-License-Identifier: Apache-2.0
// Locks on live tables within a budget: look who holds them, ask only when nobody would be kept
// waiting for long, else come back later.
#pragma once

#include <functional>
#include <vector>

#include "async/clock.hpp"
#include "postgres/connection.hpp"
#include "postgres/lock.hpp"

namespace pgcaretaker::pg {

/// Who holds or waits for a lock that conflicts with `wanted`, oldest transaction first; our own
/// session not counted. Takes no lock on any table. Throws Error.
Awaitable<std::vector<Holder>> conflicting_holders(Connection& connection,
                                                   const std::vector<WantedLock>& wanted);

/// The same inside the caller's open transaction, which is as it was afterwards.
Awaitable<std::vector<Holder>> holders_within(Connection& connection,
                                              const std::vector<WantedLock>& wanted);

/// What became of an attempt.
enum class Attempt {
  ended,    // whatever came of it, the locks were not the trouble
  no_lock,  // not granted within lock_timeout, or lost to a deadlock: may be tried again
};

/// What it took.
struct LockSpent {
  int attempts = 0;  // that did not get the lock
  int yields = 0;    // times somebody older held the lock, so that it was not even asked for
  bool gave_up = false;
  bool was_stopped = false;     // gave up because may_go_on said so
  std::vector<Holder> holders;  // when it gave up: who stood in the way, as last seen
  bool was_spared = false;      // the longest attempt was not made again, see LockEffort
};

/// Hooks of one search for a lock.
struct LockSearch {
  /// One try, under this lock_timeout, in a transaction of its own.
  std::function<Awaitable<Attempt>(Duration)> attempt;
  /// Asked after every pause and before a growing lock_timeout: false = give up now (a stop, a lost
  /// lease).
  std::function<bool()> may_go_on;
  /// Asked before every pause: true = patience is over, the session is needed elsewhere.
  std::function<bool()> in_a_hurry;
  /// Called once, before the first pause.
  std::function<void(const std::vector<Holder>&)> waiting;
  /// Called before an attempt with more than the usual lock_timeout.
  std::function<void(Duration)> growing;
  /// The session has a transaction open that is to survive: attempts end at a savepoint, and looks
  /// are made with holders_within().
  bool is_within = false;
};

/// Looks, and attempts when no conflicting transaction is, or may be, older than lock_timeout; else
/// pauses (250 ms doubling to 1 s, jittered) and looks again, until `started` + patience; it looks
/// at least once. Then the insistence, for readers that overlap without a gap would be looked at
/// for ever: one attempt each, without those that a holder older than their lock_timeout makes
/// hopeless, but always the last, unless it was in vain before. What they cost others is the sum of
/// those made. Throws what attempt throws, and operation_aborted when cancelled in a pause.
Awaitable<LockSpent> search_lock(Connection& connection, async::Clock& clock, SteadyTime started,
                                 const LockEffort& effort, const std::vector<WantedLock>& wanted,
                                 const LockSearch& search);

}  // namespace pgcaretaker::pg
