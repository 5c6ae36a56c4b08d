// SPDX-License-Identifier: Apache-2.0
// The whole plan of one table: steps, findings, gauges. Pure.
#pragma once

#include "config/settings.hpp"
#include "partition/draft.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// Steps (rescue, creation, retirement, each oldest first), findings, gauges and details.
[[nodiscard]] task::Plan make_plan(const config::Partition& settings,
                                   const config::Journal& journal, const Snapshot& snapshot,
                                   const Draft& draft, const Answers& answers);

}  // namespace pgcaretaker::partition
