// SPDX-License-Identifier: Apache-2.0
// What tests hand to a step: the real clock, and leave to go on.
#pragma once

#include "task/task.hpp"

namespace pgcaretaker::test {

inline const task::Surroundings& surroundings() {
  static async::RealClock clock;
  static task::Surroundings around{clock, SteadyTime(), [] { return true; }, [] { return false; }};
  around.pass_started = clock.now();
  return around;
}

}  // namespace pgcaretaker::test
