// SPDX-License-Identifier: Apache-2.0
// Jitter: the one source of random numbers. Nothing here is fit for secrets.
#pragma once

#include <random>

namespace pgcaretaker::async {

/// Evenly in [0, 1). One thread only.
[[nodiscard]] inline double random_fraction() {
  static std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(generator);
}

}  // namespace pgcaretaker::async
