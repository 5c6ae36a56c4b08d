// SPDX-License-Identifier: Apache-2.0
// What acts take under their locks, by rule of thumb, and what they may take at most. Pure.
#pragma once

#include <cstdint>

#include "async/time.hpp"

namespace pgcaretaker::partition {

// ATTACH reads the whole default partition under its lock: what writers of the default and readers
// of the table may be asked to wait for all partitions of one step together.
inline constexpr Duration longest_attach = std::chrono::seconds{2};
// Where it has to wait for the tables at the other end of foreign keys, with the default locked: no
// longer than the server takes to see a deadlock (deadlock_timeout), or it would end who waits for
// us, not us.
inline constexpr Duration longest_attach_with_keys = std::chrono::milliseconds{900};
// The same for the lock of a swap, when rows are moved already, each of which somebody may wait
// for.
inline constexpr Duration longest_swap_wait = longest_attach_with_keys;
// VALIDATE reads the whole default while all others go on.
inline constexpr Duration longest_validation = std::chrono::minutes{5};

/// A sequential scan out of the server's cache: a default of 1,000,000 rows, read twice, kept a
/// writer waiting for 0.14 to 0.22 s on two cores.
[[nodiscard]] constexpr Duration reading_time(std::int64_t bytes) {
  return Duration{bytes >> 20};
}

/// Whether VALIDATE comes to its end in time on a disk that reads 200 MB a second: otherwise each
/// pass would raise a guard for nothing.
[[nodiscard]] constexpr bool can_validate(std::int64_t bytes) {
  return 5 * reading_time(bytes) <= longest_validation;
}

/// ATTACH of a partition to a table that has so many, without what it reads of the default: 24 to
/// 34 ms at 3,000 were measured.
[[nodiscard]] constexpr Duration attach_time(std::size_t partitions) {
  return Duration{5 + static_cast<std::int64_t>(partitions) / 80};
}

}  // namespace pgcaretaker::partition
