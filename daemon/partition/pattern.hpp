// SPDX-License-Identifier: Apache-2.0
// What a new partition must have that LIKE does not bring: read from its parent and its newest
// sibling.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "partition/snapshot.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::partition {

/// Reads the catalog only, under a short deadline. Throws pg::Error only when the session is lost;
/// whatever else goes wrong stands in Pattern::error. `newest` is the sibling whose storage is
/// followed, nullopt = there is none.
Awaitable<Pattern> read_pattern(pg::Connection& connection, const config::Partition& settings,
                                const ObservedTable& parent,
                                const std::optional<ObservedPartition>& newest);

}  // namespace pgcaretaker::partition
