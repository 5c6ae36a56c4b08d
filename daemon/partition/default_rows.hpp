// SPDX-License-Identifier: Apache-2.0
// How much lies in the default partition, at a cost that stays bounded.
#pragma once

#include <optional>
#include <vector>

#include "partition/catalog.hpp"

namespace pgcaretaker::partition {

/// Exact up to 10,000 rows, then the server's estimate. nullopt when there is no default partition.
Awaitable<std::optional<DefaultRows>> count_default_rows(pg::Connection& connection,
                                                         const config::Partition& settings,
                                                         const Snapshot& snapshot);

/// For each missing range, whether rows of it lie in the default, so that ATTACH would scan the
/// default under an exclusive lock only to be refused. Asked only where `contents` are not
/// complete; empty when that cannot be told in time: then ATTACH says.
Awaitable<std::vector<bool>> ask_blocked(pg::Connection& connection,
                                         const config::Partition& settings,
                                         const Snapshot& snapshot, const Draft& draft,
                                         const DefaultContents& contents);

}  // namespace pgcaretaker::partition
