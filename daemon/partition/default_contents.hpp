// SPDX-License-Identifier: Apache-2.0
// Which ranges the rows of the default partition belong to, and what moving them would meet.
#pragma once

#include "partition/catalog.hpp"

namespace pgcaretaker::partition {

/// The default partition of the snapshot; nullptr = there is none, or it is half detached.
[[nodiscard]] const ObservedPartition* default_of(const Snapshot& snapshot);

/// Reads what rescue and guards have to know. Ranges are found by one look each for the smallest
/// key that is left, which an index on the key makes cheap; together they get a few seconds, and
/// what was not reached then comes with the next pass. Throws pg::Error only when the session is
/// lost.
Awaitable<DefaultContents> read_default_contents(pg::Connection& connection,
                                                 const config::Partition& settings,
                                                 const Snapshot& snapshot, const Draft& draft);

}  // namespace pgcaretaker::partition
