// SPDX-License-Identifier: Apache-2.0
// A judgement as findings, gauges and the pools of /status. Pure.
#pragma once

#include "config/settings.hpp"
#include "saturation/judge.hpp"
#include "task/step.hpp"

namespace pgcaretaker::saturation {

/// Level warn is a warning, critical needs a person: nothing this daemon may do empties a pool.
/// Never holds a step.
[[nodiscard]] task::Plan present(const Judgement& judgement, const Snapshot& snapshot,
                                 const config::Saturation& settings);

}  // namespace pgcaretaker::saturation
