// SPDX-License-Identifier: Apache-2.0
// Carries out what moves rows: one transaction that keeps its rows through several tries for its
// last lock.
#pragma once

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// Whether apply_rescue() is to carry it out.
[[nodiscard]] bool is_rescue(const task::Step& step);

/// As apply_step(). The search for a moment without others comes first, so that rows are rarely
/// moved in vain; once they are moved, the lock for the swap is tried for again and again for some
/// seconds, and then the whole is rolled back until a later pass. Rows that left and rows that
/// arrived are counted, and must be the same.
Awaitable<void> apply_rescue(pg::Connection& connection, const config::Partition& settings,
                             const task::Step& step, const task::Surroundings& around,
                             task::Applied& applied);

}  // namespace pgcaretaker::partition
