// SPDX-License-Identifier: Apache-2.0
// Searching for a step's locks, and what that tells the log and the metrics.
#pragma once

#include <functional>
#include <optional>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/lock_budget.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// A daemon that is stopped or cut off between two statements must not keep its locks.
inline constexpr Duration longest_silence = std::chrono::milliseconds{500};

/// All hooks but `attempt`. `step` and `around` must outlive the search.
[[nodiscard]] pg::LockSearch lock_search(const config::Partition& settings, const task::Step& step,
                                         const task::Surroundings& around);

/// One try under this lock_timeout: what the step came to, or nothing when a lock was not granted.
/// Samples are kept whatever it comes to.
using Try = std::function<Awaitable<std::optional<task::Applied>>(Duration, telemetry::Samples&)>;

/// Tries until the step has come to something or its effort is spent; `applied` is what it came to.
/// Throws what a try throws. All references must outlive it.
Awaitable<void> search_and_apply(pg::Connection& connection, const config::Partition& settings,
                                 const task::Step& step, const task::Surroundings& around,
                                 const Try& attempt, task::Applied& applied);

/// For the statements of the open transaction from here on.
Awaitable<void> limit_from_here(pg::Connection& connection, Duration lock_timeout,
                                Duration statement_timeout);

/// The same once the table is locked: while we wait for the tables at the other end of foreign
/// keys, who waits for us must not be ended for a deadlock, see longest_attach_with_keys. Changes
/// nothing where there are none, or where `lock_timeout` is short enough.
Awaitable<void> limit_neighbours(pg::Connection& connection, const task::Step& step,
                                 Duration lock_timeout, Duration statement_timeout);

/// Whether the step locks tables at the other end of foreign keys.
[[nodiscard]] bool has_neighbours(const task::Step& step);

/// Adds what the search cost to lock_attempts_total.
void count_attempts(const config::Partition& settings, const pg::LockSpent& spent,
                    telemetry::Samples& samples);

}  // namespace pgcaretaker::partition
