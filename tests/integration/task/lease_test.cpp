// SPDX-License-Identifier: Apache-2.0
// Who may act: the lease on a real server, taken, refused, lost and taken over.
#include "task/lease.hpp"

#include <doctest/doctest.h>

#include "async/notifier.hpp"
#include "async/task_group.hpp"
#include "async/with_deadline.hpp"
#include "postgres/canceller.hpp"
#include "support/database.hpp"
#include "support/run.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

/// A lease that runs, and a way to wait for what it says.
struct Holder {
  Holder(asio::io_context& on, const test::TestDatabase& database, config::Lease settings = {})
      : loop{on},
        lease{std::move(settings), database.options("lease"), canceller, clock,
              [this](const LeaseState&) { changed.notify_all(); }} {
    group.spawn("lease", lease.run());
  }
  ~Holder() { stop(); }

  void stop() {
    group.cancel_all();
    test::run(loop, group.join());
  }

  Awaitable<bool> until(std::function<bool(const LeaseState&)> holds) {
    while (!holds(lease.state())) {
      co_await changed.wait();
    }
    co_return true;
  }
  /// False when it did not come about within 30 s.
  bool wait_for(std::function<bool(const LeaseState&)> holds) {
    auto waiting = until(std::move(holds));
    return test::run(loop, bounded(std::move(waiting)));
  }
  static Awaitable<bool> bounded(Awaitable<bool> waiting) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    const auto result = co_await async::with_deadline(std::move(waiting), deadline);
    co_return result.value_or(false);
  }

  asio::io_context& loop;
  async::RealClock clock;
  pg::Canceller canceller;
  async::Notifier changed{loop.get_executor()};
  async::TaskGroup group{loop.get_executor()};
  Lease lease;
};

bool is_held(const LeaseState& state) {
  return state.held;
}
bool is_up(const LeaseState& state) {
  return state.database_up;
}
bool is_down(const LeaseState& state) {
  return !state.database_up && !state.error.empty();
}

}  // namespace

TEST_CASE("one of two daemons holds the lease, the other takes over when it ends") {
  const test::TestDatabase database;
  asio::io_context loop{1};
  Holder first{loop, database};
  REQUIRE(first.wait_for(is_held));
  CHECK(first.lease.may_act());
  Holder second{loop, database};
  REQUIRE(second.wait_for(is_up));
  CHECK_FALSE(second.lease.may_act());
  first.stop();
  CHECK(second.wait_for(is_held));
}

TEST_CASE("different keys do not exclude each other") {
  const test::TestDatabase database;
  asio::io_context loop{1};
  config::Lease other;
  other.key = "other";
  Holder first{loop, database};
  Holder second{loop, database, other};
  CHECK(first.wait_for(is_held));
  CHECK(second.wait_for(is_held));
}

TEST_CASE("without a lease everybody may act as long as the database is up") {
  const test::TestDatabase database;
  asio::io_context loop{1};
  config::Lease off;
  off.enabled = false;
  Holder first{loop, database, off};
  Holder second{loop, database, off};
  CHECK(first.wait_for(is_held));
  CHECK(second.wait_for(is_held));
}

TEST_CASE("a killed lease session is noticed, reported and replaced") {
  test::TestDatabase database;
  asio::io_context loop{1};
  Holder holder{loop, database};
  REQUIRE(holder.wait_for(is_held));
  database.admin().execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
      "'pgcaretaker/lease' AND datname = current_database()");
  REQUIRE(holder.wait_for(is_down));
  CHECK_FALSE(holder.lease.may_act());
  CHECK(holder.wait_for(is_held));
}

TEST_CASE("a server that goes away and comes back is a state, not an end") {
  const test::TestDatabase database;
  asio::io_context loop{1};
  Holder holder{loop, database};
  REQUIRE(holder.wait_for(is_held));
  test::control_server("kill");
  REQUIRE(holder.wait_for(is_down));
  test::control_server("start");
  CHECK(holder.wait_for(is_held));
}
