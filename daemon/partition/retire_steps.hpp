// SPDX-License-Identifier: Apache-2.0
// What is asked once more before a partition goes, and the one step that drops by a function. Pure.
#pragma once

#include <string>

#include "partition/layout.hpp"
#include "partition/retention.hpp"
#include "partition/steps.hpp"

namespace pgcaretaker::partition {

/// Gives one row if it still is the planned partition, of the planned parent, with the planned
/// bounds.
[[nodiscard]] task::Statement attached_guard(const StepContext& context,
                                             const ObservedPartition& partition);

/// Gives one row if the range is past its time by what retention_query says by now.
[[nodiscard]] task::Statement still_expired(const StepContext& context, const TimeRange& range,
                                            const Retention& retention);

/// drop_function with the partition's name behind the same guard, then proof that it is gone.
[[nodiscard]] task::Step drop_by_function_step(const StepContext& context, const Member& member,
                                               const Retention& retention, std::string reason);

/// hold_query as a statement that returns one row if the partition may go. Nothing but a definite
/// false lets go: NULL, no row and any true among several rows hold. $1 and $2 are timestamptz and
/// need not both be used.
[[nodiscard]] task::Statement hold_statement(const std::string& hold_query, const TimeRange& range);

}  // namespace pgcaretaker::partition
