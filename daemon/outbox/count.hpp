// SPDX-License-Identifier: Apache-2.0
// Counts one state of an outbox for no more than a fixed price.
#pragma once

#include "async/awaitable.hpp"
#include "outbox/snapshot.hpp"
#include "outbox/statement.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::outbox {

/// Exact where the planner prices the count within the budget, else an estimate from a sample of
/// pages (then the parts that an index can answer are exact all the same). What stands in the way
/// of counting becomes the count's obstacle; throws pg::Error only when the connection fails.
Awaitable<StateCount> observe_state(pg::Connection& connection, const config::TableName& table,
                                    const Terms& terms, UtcTime as_of);

}  // namespace pgcaretaker::outbox
