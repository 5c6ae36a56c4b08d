// SPDX-License-Identifier: Apache-2.0
// The same as default_search.hpp without an index on the key: the default is read from its first
// page to its last, a piece in each look, so that no snapshot is held and nobody waits for long.
#pragma once

#include "partition/default_search.hpp"

namespace pgcaretaker::partition {

/// Reads all of it once. Throws pg::Error only when the session is lost, as the one below.
Awaitable<Ends> scan_ends(const Search& search);

/// Reads it once more and counts what lies in each range between the ends.
Awaitable<void> scan_stranded(const Search& search, const Ends& ends, DefaultContents& contents);

}  // namespace pgcaretaker::partition
