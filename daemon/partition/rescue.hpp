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

/// One step for each range that rows of the default belong to, those that stand in the way of a
/// missing partition first; why others stay is a finding. Returns the ranges that the steps create
/// partitions for.
std::vector<TimeRange> plan_rescue(const Inputs& in, std::vector<task::Step>& steps,
                                   FindingList& findings);

}  // namespace pgcaretaker::partition
