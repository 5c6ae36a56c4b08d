// SPDX-License-Identifier: Apache-2.0
// What becomes of rows in the default partition. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "partition/findings.hpp"
#include "partition/inputs.hpp"

namespace pgcaretaker::partition {

/// Rows that one transaction moves at most: what it holds on to, and what is lost when it fails,
/// grows with them.
constexpr std::int64_t most_moved = 10'000'000;

/// What a plan does about rows in the default.
struct Rescue {
  std::vector<TimeRange> ranges;       // that its steps create partitions for
  std::vector<task::Step> first;       // before creation: needed earlier than what that makes
  std::vector<task::Step> afterwards;  // after creation: needed later, or builds on it
  std::vector<task::Step> last;        // after everything else: nobody waits for them
};

/// Drains: one step for each range that rows belong to; where they are in the way of a missing
/// partition, before those that are needed later. Adoption: one step for all of them. Why rows stay
/// is a finding. First of all what an interrupted pass left on the default is taken away.
[[nodiscard]] Rescue plan_rescue(const Inputs& in, FindingList& findings);

}  // namespace pgcaretaker::partition
