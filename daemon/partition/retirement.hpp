// SPDX-License-Identifier: Apache-2.0
// Which expired partitions go in this pass, and how far. Pure.
#pragma once

#include <vector>

#include "partition/findings.hpp"
#include "partition/inputs.hpp"
#include "partition/states.hpp"

namespace pgcaretaker::partition {

/// First what an earlier pass has left half done, then detached tables that are due, then expired
/// partitions, each oldest first, of max_drops partitions at most; the steps of one stand together,
/// in their order. Why others stay is a finding.
void plan_retirement(const Inputs& in, std::vector<task::Step>& steps, FindingList& findings);

/// Whether hold_query keeps it; what nobody asked about is kept.
[[nodiscard]] bool is_held(const config::Partition& settings, const Answers& answers,
                           std::int64_t oid);

/// Of a table that is out of its parent and has our marker.
[[nodiscard]] Facts facts_of(const config::Partition& settings, const Snapshot& snapshot,
                             const Draft& draft, const Answers& answers, const Marked& marked);

}  // namespace pgcaretaker::partition
