// SPDX-License-Identifier: Apache-2.0
// Observes an outbox at a bounded cost, however big it is.
#pragma once

#include <optional>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "outbox/snapshot.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::outbox {

/// Counts every configured state in read-only transactions. Whatever the planner prices within the
/// budget is counted exactly, anything else is estimated from a random sample of pages that the
/// budget pays for; no statement runs longer than a second. A state that cannot be counted carries
/// an obstacle and the others go on; throws pg::Error when the connection or the catalog fails.
Awaitable<Snapshot> observe(pg::Connection& connection, const config::Outbox& settings,
                            std::optional<UtcTime> as_of);

}  // namespace pgcaretaker::outbox
