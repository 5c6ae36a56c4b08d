// SPDX-License-Identifier: Apache-2.0
// CHECK constraints that stand on the default partition for a short while. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::partition {

/// What guards are called; one at a time.
inline constexpr std::string_view guard_name = "pgcaretaker_guard";
/// What their comment begins with: only what has both is ours to drop.
inline constexpr std::string_view guard_marker = "pgcaretaker: ";

}  // namespace pgcaretaker::partition
