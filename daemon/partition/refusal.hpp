// SPDX-License-Identifier: Apache-2.0
// What a step that was not carried out means: a lost race, a lock, or something for a person. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "postgres/error.hpp"
#include "postgres/lock_budget.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// A statement gave another number of rows than it must.
struct FailedCheck {
  std::string statement;
};

/// The outcome when `failed` rolled the step back.
[[nodiscard]] task::Applied after_failed_check(const config::Partition& settings,
                                               const task::Step& step, const FailedCheck& failed);

/// The outcome when a later pass does it, and trying again before that is of no use.
[[nodiscard]] task::Applied come_back(const task::Step& step, task::Severity severity,
                                      std::string code, std::string text);

/// The outcome when the lock was not granted for all the step's effort, with who stood in the way.
/// The more urgent it was, the graver.
[[nodiscard]] task::Applied lock_not_granted(const task::Step& step, const pg::LockSpent& spent);

/// The outcome when the server refused a statement as one may expect it to; nullopt when it is an
/// error, or a lock that was not granted in time.
[[nodiscard]] std::optional<task::Applied> after_refusal(const config::Partition& settings,
                                                         const task::Step& step,
                                                         const pg::Error& error);

}  // namespace pgcaretaker::partition
