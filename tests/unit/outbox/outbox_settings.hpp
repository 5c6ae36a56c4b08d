// SPDX-License-Identifier: Apache-2.0
// Settings and snapshots that the outbox's unit tests start from.
#pragma once

#include "config/settings.hpp"
#include "outbox/snapshot.hpp"
#include "support/outbox_settings.hpp"

namespace pgcaretaker::test {

inline outbox::StateCount counted(outbox::State state, std::int64_t rows, std::int64_t due,
                                  double oldest_seconds) {
  outbox::StateCount count;
  count.state = state;
  count.rows = rows;
  if (state != outbox::State::pending) count.due_rows = due;
  if (rows > 0) count.oldest_seconds = oldest_seconds;
  return count;
}

/// 2026-11-23 12:00:00 UTC, 1,204 finished rows due, nothing dead.
inline outbox::Snapshot event_outbox_snapshot() {
  using namespace std::chrono;
  outbox::Snapshot snapshot;
  snapshot.as_of = sys_days{2026y / 11 / 23} + 12h;
  snapshot.role = "caretaker";
  snapshot.heaps.push_back({{"public", "event_outbox"}, 400, true});
  snapshot.states.push_back(counted(outbox::State::pending, 12, 0, 3.5));
  snapshot.states.push_back(counted(outbox::State::done, 5000, 1204, 700000));
  snapshot.states.push_back(counted(outbox::State::dead, 0, 0, 0));
  return snapshot;
}

}  // namespace pgcaretaker::test
