// SPDX-License-Identifier: Apache-2.0
// The locks that ATTACH takes, for a look at who holds them.
#pragma once

#include <cstdint>
#include <vector>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"
#include "postgres/lock.hpp"

namespace pgcaretaker::archive {

/// On a partitioned table, its default partition, and the other ends of its foreign keys and of
/// those to it, which come last. Reads the catalog only; throws pg::Error.
Awaitable<std::vector<pg::WantedLock>> locks_of_attach(pg::Connection& connection,
                                                       std::int64_t parent);

}  // namespace pgcaretaker::archive
