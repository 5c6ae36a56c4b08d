// SPDX-License-Identifier: Apache-2.0
// The time types every room shares. No clock is read here, so pure code may include it.
#pragma once

#include <chrono>

namespace pgcaretaker {

/// A point on the monotonic clock: deadlines and schedules. Never compared with the calendar.
using SteadyTime = std::chrono::steady_clock::time_point;

/// A UTC calendar instant at PostgreSQL's resolution.
using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;

/// The one resolution of configured durations.
using Duration = std::chrono::milliseconds;

}  // namespace pgcaretaker
