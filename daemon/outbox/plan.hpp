// SPDX-License-Identifier: Apache-2.0
// What to sweep, and what to tell: snapshot x settings -> steps, findings, gauges. Pure.
#pragma once

#include <string>

#include "config/settings.hpp"
#include "outbox/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::outbox {

/// Subject of a state's steps and findings: "public.event_outbox done".
[[nodiscard]] std::string subject_of(const config::TableName& table, State state);

/// A sweep reads the whole heap once. A small one is worth that for any due row; a big one only
/// when one row in a hundred is due, or the oldest has been for a hundredth of `keep` (7 days: 1 h
/// 41 min), so that a busy outbox with a pass every minute is not read from end to end every
/// minute.
[[nodiscard]] bool worth_a_sweep(const StateCount& count, const Snapshot& snapshot, Duration keep);

/// A step for each state that has due rows and the action delete: statements in pairs, for each
/// heap "outbox.heap_blocks" (one row: blocks) and "outbox.sweep" (the first batch).
[[nodiscard]] task::Plan plan(const Snapshot& snapshot, const config::Outbox& settings);

}  // namespace pgcaretaker::outbox
