// SPDX-License-Identifier: Apache-2.0
// The urgency ladder.
#include "partition/urgency.hpp"

#include <algorithm>

namespace pgcaretaker::partition {

namespace {

// Readers that overlap without a gap, each longer than lock_timeout, let nothing shorter than one
// of them through. Few rungs, far apart, because what a failed one cost writers is lost.
constexpr int rung_factor = 5;

}  // namespace

std::string_view urgency_text(Urgency urgency) {
  switch (urgency) {
    case Urgency::relaxed:
      return "relaxed";
    case Urgency::pressed:
      return "pressed";
    case Urgency::forced:
      break;
  }
  return "forced";
}

Urgency creation_urgency(const config::Partition& settings, UtcTime now, UtcTime free_from) {
  const TimeRange current = interval_containing(settings.interval, now);
  const std::chrono::duration<double> length = current.upper - current.lower;
  const std::chrono::duration<double> left = free_from - now - settings.every;
  const double intervals = left / length;
  const bool may_force = settings.force_timeout > Duration::zero();
  if (may_force && intervals < settings.force_below) return Urgency::forced;
  const bool is_pressed = intervals < std::max(settings.press_below, settings.force_below);
  return is_pressed ? Urgency::pressed : Urgency::relaxed;
}

Urgency retirement_urgency(const TimeRange& range, UtcTime cutoff) {
  const bool overdue = cutoff - range.upper > range.upper - range.lower;
  return overdue ? Urgency::pressed : Urgency::relaxed;
}

pg::LockEffort effort_of(const config::Partition& settings, Urgency urgency) {
  pg::LockEffort effort{settings.lock_timeout, settings.patience, {}};
  if (urgency == Urgency::relaxed) return effort;
  effort.insistence.push_back(settings.lock_timeout);
  if (urgency == Urgency::pressed) return effort;
  for (const Duration rung : {settings.lock_timeout * rung_factor, settings.force_timeout}) {
    const Duration timeout = std::min(rung, settings.force_timeout);
    if (timeout > effort.insistence.back()) effort.insistence.push_back(timeout);
  }
  return effort;
}

Duration patience_left(const config::Partition& settings, UtcTime now, UtcTime free_from) {
  const auto left = std::chrono::duration_cast<Duration>(free_from - now);
  return std::clamp(left - 2 * settings.force_timeout, Duration{0}, settings.patience);
}

void set_urgency(task::Step& step, const config::Partition& settings, Urgency urgency) {
  step.urgency = urgency_text(urgency);
  step.effort = effort_of(settings, urgency);
}

}  // namespace pgcaretaker::partition
