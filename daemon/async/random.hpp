// SPDX-License-Identifier: Apache-2.0
// Jitter: the one source of random numbers. Nothing here is fit for secrets.
#pragma once

#include <random>

namespace pgcaretaker::async {

/// One thread only.
[[nodiscard]] inline std::minstd_rand& random_generator() {
  static std::minstd_rand generator{std::random_device{}()};
  return generator;
}

/// Evenly in [0, 1). One thread only.
[[nodiscard]] inline double random_fraction() {
  return std::uniform_real_distribution<double>{0.0, 1.0}(random_generator());
}

}  // namespace pgcaretaker::async
