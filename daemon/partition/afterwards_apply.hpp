// SPDX-License-Identifier: Apache-2.0
// Freezes and analyzes while nobody minds.
#pragma once

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// Carries out what is_afterwards(). Looks once who holds the lock, and comes back with the next
/// pass rather than wait. While the statement runs, a second session of `around` looks five times a
/// second whether anyone waits for ours, and it is cancelled then; as it is at the end of its time,
/// when another task waits for a session, when nothing new may begin, and, where no second session
/// can be had, after 2 s. What VACUUM has frozen until then stays frozen. All that is a value
/// (`yielded`, which can wait), as are the server's refusals. Throws pg::Error when the connection
/// is lost. Cancelled at any await, the session is closed or as it was.
Awaitable<void> apply_afterwards(pg::Connection& connection, const config::Partition& settings,
                                 const task::Step& step, const task::Surroundings& around,
                                 task::Applied& applied);

}  // namespace pgcaretaker::partition
