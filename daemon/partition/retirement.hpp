// SPDX-License-Identifier: Apache-2.0
// Which expired partitions go in this pass, and how. Pure.
#pragma once

#include <vector>

#include "partition/findings.hpp"
#include "partition/inputs.hpp"

namespace pgcaretaker::partition {

/// One step each, oldest first, max_drops at most; why others stay is a finding.
void plan_retirement(const Inputs& in, std::vector<task::Step>& steps, FindingList& findings);

/// Whether hold_query keeps this partition; a partition nobody asked about is kept.
[[nodiscard]] bool is_held(const config::Partition& settings, const Answers& answers,
                           const Member& member);

}  // namespace pgcaretaker::partition
