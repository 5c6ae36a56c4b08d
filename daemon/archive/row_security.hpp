// SPDX-License-Identifier: Apache-2.0
// Row-level security that is forced upon the owner of a detached table, lifted while it is read.
#pragma once

#include <cstdint>

#include "async/awaitable.hpp"
#include "config/table_name.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::archive {

/// Lifts it in a transaction of its own, so that ACCESS EXCLUSIVE is held for a moment only,
/// however long the table is read. Nobody but the owner, who could lift it too, sees more then.
/// Throws Interruption when `table` is attached or is not `oid` any more, and pg::Error.
Awaitable<void> lift_forced(pg::Connection& connection, std::int64_t oid,
                            const config::TableName& table, Duration lock_timeout);

/// Forces it again, likewise. True = it is forced, or the table is not there any more; false = the
/// lock was not granted, or it was refused. Throws pg::Error when the connection is lost.
Awaitable<bool> force_again(pg::Connection& connection, std::int64_t oid,
                            const config::TableName& table, Duration lock_timeout);

}  // namespace pgcaretaker::archive
