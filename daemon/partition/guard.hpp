// SPDX-License-Identifier: Apache-2.0
// CHECK constraints that stand on the default partition for a short while, so that ATTACH need not
// read it under a lock. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "partition/steps.hpp"

namespace pgcaretaker::partition {

/// What guards are called; one at a time.
inline constexpr std::string_view guard_name = "pgcaretaker_guard";
/// What their comment begins with: what has both is ours to drop.
inline constexpr std::string_view guard_marker = "pgcaretaker: ";
/// What the comment of those ends with that refuse only what nobody writes yet.
inline constexpr std::string_view guard_far_ahead = " free for new partitions";

/// From a guard on rows may be refused, so that what it is for has to come soon or not at all.
inline constexpr Duration longest_guard = std::chrono::seconds{10};

/// Statement names that tell a guarded step's transactions apart: those before the validation,
/// the validation, those after it.
namespace statement {
inline constexpr std::string_view raise_guard = "partition.raise_guard";
inline constexpr std::string_view validate_guard = "partition.validate_guard";
inline constexpr std::string_view drop_guard = "partition.drop_guard";
}  // namespace statement

namespace action {
inline constexpr std::string_view unguard = "unguard";
}  // namespace action

/// ADD CONSTRAINT ... NOT VALID of `condition` on the default, its comment, and VALIDATE. From the
/// first of them on, rows that do not meet it are refused.
[[nodiscard]] std::vector<task::Statement> guard_statements(const StepContext& context,
                                                            const std::string& condition,
                                                            const std::string& purpose);

[[nodiscard]] task::Statement drop_guard_statement(const config::TableName& table,
                                                   const std::string& guard);

/// Puts a creation behind a guard that refuses its ranges, all in [range.lower, range.upper), to
/// the default: three transactions, of which only the first and the last lock it, shortly.
[[nodiscard]] task::Step guarded(const StepContext& context, task::Step creation,
                                 const TimeRange& range);

/// The statement that drops the guard which `step` raises.
[[nodiscard]] task::Statement taken_back(const task::Step& step);

/// Drops what an interrupted pass left.
[[nodiscard]] task::Step unguard_step(const StepContext& context,
                                      const std::vector<std::string>& guards);

}  // namespace pgcaretaker::partition
