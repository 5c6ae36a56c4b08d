// SPDX-License-Identifier: Apache-2.0
// What a rescue that was not carried out means, in words. Pure.
#pragma once

#include <optional>

#include "config/settings.hpp"
#include "partition/refusal.hpp"

namespace pgcaretaker::partition {

/// The outcome when `failed` rolled the step back.
[[nodiscard]] task::Applied after_failed_rescue(const config::Partition& settings,
                                                const task::Step& step, const FailedCheck& failed);

/// The outcome when the server refused a statement as one may expect it to; nullopt when it is an
/// error.
[[nodiscard]] std::optional<task::Applied> after_refused_rescue(const config::Partition& settings,
                                                                const task::Step& step,
                                                                const pg::Error& error);

/// That the guard which `step` raised could not be taken back.
[[nodiscard]] task::Finding guard_left(const task::Step& step);

}  // namespace pgcaretaker::partition
