// SPDX-License-Identifier: Apache-2.0
// The daemon's own session: tells whether the database answers and whether this daemon may act.
#pragma once

#include <functional>
#include <string>

#include "async/clock.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::task {

/// Tries the session advisory lock of `key` (hashed by the server: hashtextextended(key, 0)); true
/// = `connection` holds it until it ends. Never waits: a waiting advisory lock would deadlock any
/// CREATE INDEX CONCURRENTLY. Throws pg::Error.
Awaitable<bool> try_lease(pg::Connection& connection, std::string key);

/// What the lease says of itself; one callback for every change.
struct LeaseState {
  bool database_up = false;
  bool held = false;
  std::string error;  // why the database is down; "" when up
  std::string peer;   // where the session goes
  int server_version = 0;
};

class Lease {
 public:
  /// `changed` is called on the loop after every change of state.
  Lease(config::Lease settings, pg::ConnectOptions options, pg::Canceller& canceller,
        async::Clock& clock, std::function<void(const LeaseState&)> changed);

  /// Connects, takes the lease, watches the session with a heartbeat, and connects again (at once,
  /// then with growing, jittered pauses up to 30 s) for ever. Ends only by cancellation.
  Awaitable<void> run();

  [[nodiscard]] const LeaseState& state() const { return state_; }
  /// True when acting is allowed: the lease is held, or not wanted and the database is up.
  [[nodiscard]] bool may_act() const { return state_.database_up && state_.held; }

 private:
  Awaitable<void> hold_session();
  Awaitable<void> refresh(pg::Connection& connection);
  void set_down(std::string error);

  config::Lease settings_;
  pg::ConnectOptions options_;
  pg::Canceller& canceller_;
  async::Clock& clock_;
  std::function<void(const LeaseState&)> changed_;
  LeaseState state_;
};

}  // namespace pgcaretaker::task
