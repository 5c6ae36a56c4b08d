// SPDX-License-Identifier: Apache-2.0
// Reads our markers, and what ties a table to others. Catalog only: nothing waits for a table.
#pragma once

#include <map>
#include <vector>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "partition/draft.hpp"
#include "partition/snapshot.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::partition {

/// Whether markers have to be read at all: without retention and pending detach they mean nothing.
[[nodiscard]] bool wants_markers(const config::Partition& settings, const Snapshot& snapshot);

/// All tables of the database whose comment begins as our marker does. Throws pg::Error.
Awaitable<std::vector<CommentedTable>> read_commented(pg::Connection& connection);

/// What may be taken out, guarded or dropped in this pass; empty in most.
[[nodiscard]] std::vector<std::int64_t> tied_tables(const config::Partition& settings,
                                                    const Snapshot& snapshot, const Draft& draft);

/// By OID. Throws pg::Error.
Awaitable<std::map<std::int64_t, Ties>> read_ties(pg::Connection& connection,
                                                  const std::vector<std::int64_t>& oids);

}  // namespace pgcaretaker::partition
