// SPDX-License-Identifier: Apache-2.0
// What every search for a step's locks tells the log and the metrics.
#pragma once

#include "config/settings.hpp"
#include "postgres/lock_budget.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// A daemon that is stopped or cut off between two statements must not keep its locks.
inline constexpr Duration longest_silence = std::chrono::milliseconds{500};

/// All hooks but `attempt`. `step` and `around` must outlive the search.
[[nodiscard]] pg::LockSearch lock_search(const config::Partition& settings, const task::Step& step,
                                         const task::Surroundings& around);

/// Adds what the search cost to lock_attempts_total.
void count_attempts(const config::Partition& settings, const pg::LockSpent& spent,
                    telemetry::Samples& samples);

}  // namespace pgcaretaker::partition
