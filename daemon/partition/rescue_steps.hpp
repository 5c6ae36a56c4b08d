// SPDX-License-Identifier: Apache-2.0
// The SQL that frees the default partition of rows, complete as `plan` prints it. Pure.
#pragma once

#include <string>
#include <vector>

#include "partition/create_steps.hpp"
#include "partition/steps.hpp"

namespace pgcaretaker::partition {

/// Statement names that rescue's own apply tells apart.
namespace statement {
inline constexpr std::string_view fence = "partition.fence";
inline constexpr std::string_view move = "partition.move";
inline constexpr std::string_view prove_moved = "partition.prove_moved";
inline constexpr std::string_view swap_lock = "partition.swap_lock";
}  // namespace statement

namespace action {
inline constexpr std::string_view drain = "drain";
}  // namespace action

/// Moves the rows of one free range into a partition of their own, in one transaction: created and
/// filled beside the table while readers and writers go on, attached under a short ACCESS EXCLUSIVE
/// lock on parent and default, behind which late rows follow. The lock on the parent is what keeps
/// statements that have already chosen their partitions from missing the rows: decision 0014.
[[nodiscard]] task::Step drain_step(const StepContext& context, const DefaultContents& contents,
                                    const NewPartition& partition, std::string reason);

/// A row while the default is still this parent's and no foreign key points to either; `more` goes
/// on in the condition, with c as the default's pg_class.
[[nodiscard]] task::Statement still_default(const StepContext& context, const std::string& more);

/// `key >= lower AND key < upper` with typed literals; `name` is what the key is called, quoted.
[[nodiscard]] std::string range_condition(const Key& key, const std::string& name,
                                          const TimeRange& range);

}  // namespace pgcaretaker::partition
