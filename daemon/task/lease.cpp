// SPDX-License-Identifier: Apache-2.0
// The lease session's life.
#include "task/lease.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "async/random.hpp"
#include "task/cadence.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::task {

namespace {

using namespace std::chrono_literals;

/// Between two looks at an idle session: a peer that died silently is noticed within this plus
/// `heartbeat_deadline`, and a lease set free elsewhere is taken over within this.
constexpr Duration heartbeat = 5s;
constexpr Duration heartbeat_deadline = 5s;

}  // namespace

Awaitable<bool> try_lease(pg::Connection& connection, std::string key) {
  const pg::Result result = co_await connection.query(
      "lease.try",
      "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended($1, 0)) AS held", key);
  co_return result.only_row().get<bool>("held");
}

Lease::Lease(config::Lease settings, pg::ConnectOptions options, pg::Canceller& canceller,
             async::Clock& clock, std::function<void(const LeaseState&)> changed)
    : settings_{std::move(settings)},
      options_{std::move(options)},
      canceller_{canceller},
      clock_{clock},
      changed_{std::move(changed)} {}

Awaitable<void> Lease::run() {
  for (std::uint64_t attempt = 0;; ++attempt) {
    co_await clock_.sleep_for(reconnect_pause(attempt, async::random_fraction()));
    std::string error;
    try {
      co_await hold_session();
      error = "the server closed the session";
    } catch (const pg::Error& failure) {
      error = failure.what();
    } catch (const boost::system::system_error& failure) {
      if (failure.code() == asio::error::operation_aborted) {
        throw;
      }
      error = failure.what();  // out of descriptors, for one: a state like any other
    } catch (const std::system_error& failure) {
      error = failure.what();  // out of threads
    }
    if (state_.database_up) {
      attempt = 0;  // it worked before: the next attempt is soon again
    }
    set_down(std::move(error));
  }
}

Awaitable<void> Lease::hold_session() {
  const auto connection = co_await pg::Connection::connect(options_, canceller_);
  state_.peer = connection->peer();
  state_.server_version = connection->server_version();
  bool gone = false;
  while (!gone) {
    co_await refresh(*connection);
    gone = co_await connection->wait_closed(clock_.now() + heartbeat);
  }
}

/// One round trip: proves that the session answers, and takes the lease when it is free.
Awaitable<void> Lease::refresh(pg::Connection& connection) {
  connection.set_deadline(clock_.now() + heartbeat_deadline);
  const LeaseState before = state_;
  if (settings_.enabled && !state_.held) {
    state_.held = co_await try_lease(connection, settings_.key);
  } else {
    co_await connection.query("lease.heartbeat", "SELECT 1");
    state_.held = true;
  }
  state_.database_up = true;
  state_.error.clear();
  if (!before.database_up) {
    telemetry::log_info("database is up", telemetry::Fields{{"server", state_.peer}});
  }
  if (settings_.enabled && state_.held != before.held) {
    telemetry::log_info("lease taken: this daemon acts", telemetry::Fields{{"key", settings_.key}});
  } else if (!before.database_up && !state_.held) {
    telemetry::log_info("lease is held elsewhere: this daemon watches",
                        telemetry::Fields{{"key", settings_.key}});
  }
  if (!before.database_up || before.held != state_.held) {
    changed_(state_);
  }
}

void Lease::set_down(std::string error) {
  if (state_.database_up || state_.error != error) {
    telemetry::log_error("database is down: " + error);
  }
  state_.database_up = false;
  state_.held = false;
  state_.error = std::move(error);
  changed_(state_);
}

}  // namespace pgcaretaker::task
