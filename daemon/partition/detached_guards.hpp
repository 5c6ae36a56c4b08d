// SPDX-License-Identifier: Apache-2.0
// What keeps hands off a table that its parent does not guard any more. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "config/settings.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// After it has been taken out: the parent's triggers on rows, which went with it, and those on
/// statements that it lacks, row-level security enabled and forced, no grants; each as
/// [partition.new] wants it. Last the proof, a row `value` for each guard that is missing.
[[nodiscard]] std::vector<task::Statement> guards_of_detached(const config::Partition& settings,
                                                              const Pattern& pattern,
                                                              const Ties& ties, std::int64_t parent,
                                                              const ObservedPartition& table);

}  // namespace pgcaretaker::partition
