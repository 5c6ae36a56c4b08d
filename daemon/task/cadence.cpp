// SPDX-License-Identifier: Apache-2.0
// The arithmetic of schedules and retries.
#include "task/cadence.hpp"

#include <algorithm>

namespace pgcaretaker::task {

namespace {

using namespace std::chrono_literals;

constexpr Duration stagger = 250ms;    // between the first passes of two tasks
constexpr Duration retry_first = 5s;   // long enough for a lock holder to finish
constexpr Duration retry_most = 5min;  // a task that fails for hours still notices the mend soon
constexpr Duration reconnect_first =
    500ms;  // the first attempt is at once, this is before the second
constexpr Duration reconnect_most = 30s;

Duration scaled(Duration time, double factor) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(static_cast<double>(time.count()) * factor));
}

/// first * 2^doublings, at most `most`, shortened by up to half.
Duration backoff(Duration first, Duration most, std::uint64_t doublings, double random) {
  Duration pause = first;
  for (std::uint64_t i = 0; i < doublings && pause < most; ++i) {
    pause *= 2;
  }
  return scaled(std::min(pause, most), 1.0 - random / 2);
}

}  // namespace

Slot first_slot(SteadyTime now, std::size_t index, Duration every, double random) {
  const Duration wanted = stagger * static_cast<int>(index) + scaled(stagger, random);
  const SteadyTime start = now + std::min(wanted, every / 10);
  return Slot{start, start};
}

Slot next_slot(const Slot& previous, Duration every, SteadyTime now) {
  const SteadyTime following = previous.planned + every;
  if (following > now) {
    return Slot{following, following};
  }
  const auto missed = (now - previous.planned) / every;
  return Slot{previous.planned + missed * every, now};
}

Slot retry_slot(const Slot& previous, Duration every, SteadyTime now, std::uint64_t failures,
                double random) {
  const Slot next = next_slot(previous, every, now);
  const SteadyTime retry =
      now + backoff(retry_first, retry_most, failures == 0 ? 0 : failures - 1, random);
  if (next.start == next.planned && next.start <= retry) {
    return next;
  }
  // The retry stands in for the slot before it, so that the grid goes on where it was.
  const bool missed = next.start != next.planned;
  return Slot{missed ? next.planned : previous.planned, retry};
}

Duration reconnect_pause(std::uint64_t attempt, double random) {
  return attempt == 0 ? Duration{0} : backoff(reconnect_first, reconnect_most, attempt - 1, random);
}

}  // namespace pgcaretaker::task
