// SPDX-License-Identifier: Apache-2.0
// How many blocks of a heap one batch of a sweep takes. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pgcaretaker::outbox {

// 256 KiB of heap, about 600 short rows: small enough to learn from.
inline constexpr std::int64_t first_batch_blocks = 32;
// 2 MiB: beyond it a batch gets no cheaper per row, only longer.
inline constexpr std::int64_t max_batch_blocks = 256;
// Writers wait at most about this long behind a batch.
inline constexpr std::chrono::milliseconds batch_target{15};

/// The size of the next batch after one of `blocks` took `elapsed`: half of it above the target,
/// twice when that would still fit, within [1, max_batch_blocks].
[[nodiscard]] constexpr std::int64_t next_batch_blocks(std::int64_t blocks,
                                                       std::chrono::nanoseconds elapsed) {
  if (elapsed > batch_target) return std::max<std::int64_t>(1, blocks / 2);
  if (elapsed * 2 <= batch_target) return std::min(max_batch_blocks, blocks * 2);
  return blocks;
}

}  // namespace pgcaretaker::outbox
