// SPDX-License-Identifier: Apache-2.0
// The SQL of creation, complete as `plan` prints it and apply sends it. Pure.
#pragma once

#include <string>
#include <vector>

#include "partition/steps.hpp"

namespace pgcaretaker::partition {

struct NewPartition {
  config::TableName name;
  TimeRange range;
};

/// CREATE TABLE (LIKE ... EXCLUDING IDENTITY) and ATTACH: never PARTITION OF, which would lock
/// readers and writers of the whole table out. What LIKE leaves out follows, see likeness.hpp.
/// Without identity, since 17 and later refuse to ATTACH a table that has one. Several `partitions`
/// (at least one) are made ready first and then attached under locks that are waited for only once.
[[nodiscard]] task::Step create_step(const StepContext& context,
                                     const std::vector<NewPartition>& partitions,
                                     std::string reason);

/// create_function with the lower bound, then proof from the catalog that exactly its range is
/// attached.
[[nodiscard]] task::Step create_by_function_step(const StepContext& context,
                                                 const NewPartition& partition, std::string reason);

}  // namespace pgcaretaker::partition
