// SPDX-License-Identifier: Apache-2.0
// Which ranges the rows of the default partition belong to, and what moving them would meet.
#pragma once

#include "partition/catalog.hpp"

namespace pgcaretaker::partition {

/// The default partition of the snapshot; nullptr = there is none, or it is half detached.
[[nodiscard]] const ObservedPartition* default_of(const Snapshot& snapshot);

/// Reads what rescue and guards have to know. Ranges are found by an index on the key, otherwise by
/// reading the default from end to end, which may take half a minute for each of two readings and
/// holds up nobody. Throws pg::Error only when the session is lost.
Awaitable<DefaultContents> read_default_contents(pg::Connection& connection,
                                                 const config::Partition& settings,
                                                 const Snapshot& snapshot, const Draft& draft);

}  // namespace pgcaretaker::partition
