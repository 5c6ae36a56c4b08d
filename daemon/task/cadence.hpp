// SPDX-License-Identifier: Apache-2.0
// When a task runs next. Pure: times and random numbers come in, a time comes out.
#pragma once

#include <cstdint>

#include "async/time.hpp"

namespace pgcaretaker::task {

/// Planned starts are a fixed grid, `every` apart: a slow pass shifts none of them.
struct Slot {
  SteadyTime planned;  // on the grid
  SteadyTime start;  // when to run: `planned`, or at once when it was missed, or a retry before it

  bool operator==(const Slot&) const = default;
};

/// The first slot of the task at `index` of the configuration: soon after `now`, but staggered by
/// 250 ms an index plus up to as much jitter, so that a start is no burst; never later than a tenth
/// of `every`. `random` is in [0, 1).
[[nodiscard]] Slot first_slot(SteadyTime now, std::size_t index, Duration every, double random);

/// After the pass of `previous` ended at `now`. Missed slots, however many, run once and at once.
[[nodiscard]] Slot next_slot(const Slot& previous, Duration every, SteadyTime now);

/// After the `failures`th failure in a row (1 = the first): the next slot, or a retry before it
/// after 5 s, 10 s, 20 s ... at most 5 min, each shortened by up to half by `random` in [0, 1).
[[nodiscard]] Slot retry_slot(const Slot& previous, Duration every, SteadyTime now,
                              std::uint64_t failures, double random);

/// Pause before the `attempt`th reconnection (0 = the first: at once), then 0.5 s doubling up to 30
/// s, each shortened by up to half by `random` in [0, 1).
[[nodiscard]] Duration reconnect_pause(std::uint64_t attempt, double random);

}  // namespace pgcaretaker::task
