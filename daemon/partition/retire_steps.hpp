// SPDX-License-Identifier: Apache-2.0
// The SQL of retirement, complete as `plan` prints it and apply sends it. Pure.
#pragma once

#include <string>

#include "partition/layout.hpp"
#include "partition/retention.hpp"
#include "partition/steps.hpp"

namespace pgcaretaker::partition {

/// DETACH and, for expire = "drop", DROP, in one transaction behind locks in the order parent,
/// partition, and behind a guard that proves by OID, bounds and parent that this still is what was
/// planned. What retention_query and hold_query say is asked once more there. An attached partition
/// is never dropped directly.
[[nodiscard]] task::Step retire_step(const StepContext& context, const Member& member,
                                     const Retention& retention, std::string reason);

/// drop_function with the partition's name behind the same guard, then proof that it is gone.
[[nodiscard]] task::Step drop_by_function_step(const StepContext& context, const Member& member,
                                               const Retention& retention, std::string reason);

/// hold_query as a statement that returns one row if the partition may go. Nothing but a definite
/// false lets go: NULL, no row and any true among several rows hold. $1 and $2 are timestamptz and
/// need not both be used.
[[nodiscard]] task::Statement hold_statement(const std::string& hold_query, const TimeRange& range);

}  // namespace pgcaretaker::partition
