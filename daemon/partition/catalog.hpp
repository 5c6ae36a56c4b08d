// SPDX-License-Identifier: Apache-2.0
// Reads what the partition task has to know. Only SQL, no opinion; nothing here waits for a table
// lock longer than the short lock_timeout of its own transaction, and nothing changes anything.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "partition/draft.hpp"
#include "partition/snapshot.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::partition {

/// The table, all its partitions in one query of the catalog, retention_query's answer and the rows
/// of the default. `as_of` replaces the server's clock. Throws pg::Error when the catalog cannot be
/// read; what else cannot be read is noted in the snapshot.
Awaitable<Snapshot> observe(pg::Connection& connection, const config::Partition& settings,
                            const config::Journal& journal, std::optional<UtcTime> as_of);

/// What the draft needs to know besides: names already taken, ranges with rows in the default,
/// holds. Asks nothing that the draft has no use for.
Awaitable<Answers> ask(pg::Connection& connection, const config::Partition& settings,
                       const Snapshot& snapshot, const Draft& draft);

}  // namespace pgcaretaker::partition
