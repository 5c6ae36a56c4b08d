// SPDX-License-Identifier: Apache-2.0
// The SQL that turns the default partition into the range partition it really is. Pure.
#pragma once

#include <string>
#include <vector>

#include "partition/create_steps.hpp"
#include "partition/guard.hpp"

namespace pgcaretaker::partition {

namespace statement {
inline constexpr std::string_view swap = "partition.swap";
}  // namespace statement

namespace action {
inline constexpr std::string_view adopt = "adopt";
}  // namespace action

/// The default, guarded by a CHECK of `partition.range` that is validated while all go on, is
/// detached, renamed, attached under that range, and followed by a fresh, empty default of its old
/// name, in one transaction without moving a row. `needed` are the bounds that must be attached
/// before the guard is raised, because their rows could no longer go to the default.
[[nodiscard]] task::Step adopt_step(const StepContext& context, const DefaultContents& contents,
                                    const NewPartition& partition,
                                    const std::vector<TimeRange>& needed, std::string reason);

}  // namespace pgcaretaker::partition
