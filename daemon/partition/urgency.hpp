// SPDX-License-Identifier: Apache-2.0
// How hard a step tries for its locks: the closer the window comes to its end, the harder. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "partition/calendar.hpp"
#include "postgres/lock.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

enum class Urgency {
  relaxed,  // never asks while an older transaction is in the way
  pressed,  // at the end of patience it asks once, for lock_timeout
  forced,   // then it asks for longer, up to force_timeout
};

[[nodiscard]] std::string_view urgency_text(Urgency urgency);

/// Of creation, when the window is whole up to `free_from`: by the time left when the next pass is
/// due, in intervals, against press_below and force_below.
[[nodiscard]] Urgency creation_urgency(const config::Partition& settings, UtcTime now,
                                       UtcTime free_from);

/// Of retirement: pressed once the partition has been expired for longer than its own length.
/// Never forced: what waits longer only costs space.
[[nodiscard]] Urgency retirement_urgency(const TimeRange& range, UtcTime cutoff);

[[nodiscard]] pg::LockEffort effort_of(const config::Partition& settings, Urgency urgency);

/// How long a forced step may look for a good moment when the window is whole up to `free_from`:
/// no longer than leaves time for what is forced.
[[nodiscard]] Duration patience_left(const config::Partition& settings, UtcTime now,
                                     UtcTime free_from);

/// Gives the step its effort, and the words for it.
void set_urgency(task::Step& step, const config::Partition& settings, Urgency urgency);

}  // namespace pgcaretaker::partition
