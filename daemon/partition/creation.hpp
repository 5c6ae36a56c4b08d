// SPDX-License-Identifier: Apache-2.0
// Which missing ranges become partitions in this pass, and how. Pure.
#pragma once

#include <vector>

#include "partition/findings.hpp"
#include "partition/inputs.hpp"

namespace pgcaretaker::partition {

/// One step each, so that one failing stops no other; but where the default must be locked and
/// others will be made to wait for it, all of them in one. Nothing for `rescued` ranges, whose
/// partitions rescue creates.
void plan_creation(const Inputs& in, const std::vector<TimeRange>& rescued,
                   std::vector<task::Step>& steps, FindingList& findings);

}  // namespace pgcaretaker::partition
