// SPDX-License-Identifier: Apache-2.0
// Jitter: the one source of random numbers. Nothing here is fit for secrets.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <utility>

namespace pgcaretaker::async {

/// Evenly in [0, 1). One thread only.
[[nodiscard]] inline double random_fraction() {
  static std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(generator);
}

/// In any order, each as likely as the others.
template <typename T>
void shuffle(std::span<T> values) {
  for (std::size_t left = values.size(); left > 1; --left) {
    const auto chosen = static_cast<std::size_t>(random_fraction() * static_cast<double>(left));
    std::swap(values[left - 1], values[chosen]);
  }
}

}  // namespace pgcaretaker::async
