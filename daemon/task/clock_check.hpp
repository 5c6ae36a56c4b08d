// SPDX-License-Identifier: Apache-2.0
// Nothing is retired by a clock that is in doubt. Pure.
#pragma once

#include "task/step.hpp"

namespace pgcaretaker::task {

/// When the server's clock (plan.as_of), which was read at some time between `before` and `after`
/// of ours, is more than 10 s off, takes every step that
/// was planned by age out of `plan` and puts a critical finding in: one of the two clocks is wrong,
/// and a clock that has jumped ahead makes every row look old. Steps that only add go on.
void withhold_when_clocks_differ(Plan& plan, UtcTime before, UtcTime after);

}  // namespace pgcaretaker::task
