// SPDX-License-Identifier: Apache-2.0
// A second session that looks from time to time.
#include "partition/make_way.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "async/with_deadline.hpp"
#include "partition/refusal.hpp"
#include "postgres/waiter.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;
using task::Applied;
using task::Severity;
using task::Step;

// How long somebody may wait for us before we know.
constexpr Duration watch_pause = 200ms;
// Without a second session nobody can tell us that they wait.
constexpr Duration longest_blind = 2s;
// A look takes milliseconds; one that takes longer is as good as none.
constexpr Duration longest_glance = 1s;
constexpr std::string_view somebody_waits = " waits for it";
constexpr std::string_view nobody_to_look =
    "no second session is free to see whether others wait (database.connections)";

/// Who waits for `pid`; "" = nobody.
Awaitable<std::string> who_waits(pg::Pool& sessions, int pid, const pg::Waitings& watched,
                                 bool& has_looked) {
  std::string who;
  try {
    const std::optional<pg::Loan> second = co_await sessions.try_acquire();
    if (!second) co_return who;
    const auto waiter = co_await pg::waiter_for(second->connection(), pid, watched);
    if (waiter) who = pg::waiter_text(*waiter);
    has_looked = true;
  } catch (const pg::Error&) {
    has_looked = false;  // the work's own session tells whether the server is in trouble
  }
  co_return who;
}

/// The same within longest_glance, in words; "" = nobody is seen.
Awaitable<std::string> glance(const task::Surroundings& around, int pid,
                              const pg::Waitings& watched, bool& has_looked) {
  std::string who;
  if (around.sessions != nullptr) {
    Awaitable<std::string> look = who_waits(*around.sessions, pid, watched, has_looked);
    const SteadyTime deadline = std::chrono::steady_clock::now() + longest_glance;
    const auto found = co_await async::with_deadline(std::move(look), deadline);
    who = found.value_or("");
  }
  if (!who.empty()) who += somebody_waits;
  co_return who;
}

}  // namespace

Awaitable<std::string> reason_to_end(const task::Surroundings& around, int pid, SteadyTime until) {
  const pg::Waitings watched{pg::Waiting::for_table};
  SteadyTime last_look = around.clock.now();
  for (;;) {
    co_await around.clock.sleep_until(std::min(around.clock.now() + watch_pause, until));
    if (!around.may_act()) co_return "nothing more may begin";
    if (around.others_wait()) co_return "another task waits for a session";
    if (around.clock.now() >= until) co_return "its time is over";
    bool has_looked = false;
    const std::string who = co_await glance(around, pid, watched, has_looked);
    if (!who.empty()) co_return who;
    if (has_looked) {
      last_look = around.clock.now();
    } else if (around.clock.now() - last_look >= longest_blind) {
      co_return std::string{nobody_to_look};
    }
  }
}

Awaitable<std::string> waiter_in_words(const task::Surroundings& around, int pid,
                                       const pg::Waitings& watched) {
  SteadyTime last_look = around.clock.now();
  for (;;) {
    co_await around.clock.sleep_for(watch_pause);
    const pg::Waitings looked_for = watched;
    bool has_looked = false;
    const std::string who = co_await glance(around, pid, looked_for, has_looked);
    if (!who.empty() && watched == looked_for) co_return who;
    if (has_looked) {
      last_look = around.clock.now();
    } else if (around.clock.now() - last_look >= longest_blind) {
      co_return std::string{nobody_to_look};
    }
  }
}

Applied made_way(const Step& step, const std::string& why) {
  Applied applied = come_back(
      step, Severity::info, "made_way",
      fmt::format("{} was interrupted, since {}; the next pass goes on", step.action, why));
  // For any other reason the next one of its kind would be interrupted as well.
  applied.stops_action = !why.ends_with(somebody_waits);
  return applied;
}

}  // namespace pgcaretaker::partition
