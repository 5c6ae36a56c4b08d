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

struct LockBudget {
  Duration lock_timeout{0};  // of one attempt; a holder younger than this may be waited for
  SteadyTime until;          // when the last attempt is made; one is made even when it has passed
};

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
  std::vector<Holder> holders;  // when it gave up: who stood in the way, as last seen
};

/// Hooks of one search for a lock.
struct LockSearch {
  /// One try, under lock_timeout, in a transaction of its own.
  std::function<Awaitable<Attempt>()> attempt;
  /// Asked after every pause: false = give up now (a stop, a lost lease).
  std::function<bool()> may_go_on;
  /// Called once, before the first pause.
  std::function<void(const std::vector<Holder>&)> waiting;
};

/// Looks, and attempts when no conflicting transaction is older than lock_timeout; else pauses
/// (250 ms doubling to 2 s, jittered) and looks again, until `until`. Then it attempts
/// once more whoever holds the lock: that costs others no more than lock_timeout, and readers that
/// overlap without a gap would be looked at for ever. Throws what attempt throws, and
/// operation_aborted when cancelled in a pause.
Awaitable<LockSpent> search_lock(Connection& connection, async::Clock& clock, LockBudget budget,
                                 const std::vector<WantedLock>& wanted, const LockSearch& search);

}  // namespace pgcaretaker::pg
