// SPDX-License-Identifier: Apache-2.0
// Carries out a step that raises a guard first: three transactions, and none when the guard cannot
// be raised.
#pragma once

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// Whether apply_guarded() is to carry it out.
[[nodiscard]] bool is_guarded(const task::Step& step);

/// As apply_step() for what follows the validation. When that is not done, the guard is dropped
/// again, also when we are cancelled, which that then outlasts by 3 s at most. Where it cannot be
/// dropped, or the session is lost, it stands until the next pass drops it, and refuses rows
/// meanwhile.
Awaitable<void> apply_guarded(pg::Connection& connection, const config::Partition& settings,
                              const task::Step& step, const task::Surroundings& around,
                              task::Applied& applied);

}  // namespace pgcaretaker::partition
