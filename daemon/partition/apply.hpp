// SPDX-License-Identifier: Apache-2.0
// Sends a step's statements in one short transaction, when nobody would wait for it long.
#pragma once

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// How long the proof that a table is as it was archived, a scan of it, may take.
inline constexpr Duration longest_proof = std::chrono::hours{6};

/// Either all of the step is committed or nothing of it; `applied` says which. Its locks are
/// searched for with the step's effort, see pg::search_lock(). Locks not
/// granted in time, deadlocks, guards that no longer hold, names or ranges that somebody else took
/// meanwhile and rows in the default are values (`yielded`, with a finding); an object that is gone
/// already is `nothing`. Other refusals throw pg::Error. Cancelled at any await, the transaction is
/// rolled back.
Awaitable<void> apply_step(pg::Connection& connection, const config::Partition& settings,
                           const task::Step& step, const task::Surroundings& around,
                           task::Applied& applied);

/// The rows of statement::verify_likeness as findings, with what was found before.
[[nodiscard]] std::vector<task::Finding> differences_in(const task::Statement& proof,
                                                        const pg::Result& result,
                                                        std::vector<task::Finding> before);

}  // namespace pgcaretaker::partition
