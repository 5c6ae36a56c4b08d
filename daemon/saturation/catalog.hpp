// SPDX-License-Identifier: Apache-2.0
// Observes client sessions and connection limits with two short queries.
#pragma once

#include <optional>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "saturation/snapshot.hpp"

namespace pgcaretaker::saturation {

/// Takes no lock that anybody could hold against it; works when every slot is taken, as
/// `connection` is already open. Looks with the privileges of the login role: a database.role that
/// owns tables need not be a member of pg_monitor. Our own session is counted, its transaction is
/// not. Throws pg::Error.
Awaitable<Snapshot> observe(pg::Connection& connection, const config::Saturation& settings,
                            std::optional<UtcTime> as_of);

}  // namespace pgcaretaker::saturation
