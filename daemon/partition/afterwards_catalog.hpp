// SPDX-License-Identifier: Apache-2.0
// Reads what freezing and analyzing depend on, about few partitions and beside everything else.
#pragma once

#include <set>

#include "async/awaitable.hpp"
#include "partition/afterwards.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::partition {

/// Puts what is to be done afterwards behind the other steps of `plan`. Asks about closed
/// partitions only, and only about those that are not in `frozen`, to which it adds what turns out
/// to be frozen: a memory that saves work and decides nothing, since what is frozen stays so.
/// Waits for no table's lock. Throws pg::Error.
Awaitable<void> add_afterwards(pg::Connection& connection, const config::Partition& settings,
                               const Snapshot& snapshot, const Draft& draft, const Answers& answers,
                               std::set<std::int64_t>& frozen, task::Plan& plan);

}  // namespace pgcaretaker::partition
