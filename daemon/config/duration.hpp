// SPDX-License-Identifier: Apache-2.0
// Durations as text: "50ms", "30s", "6h", "365 days", "1m 30s".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/time.hpp"

namespace pgcaretaker::config {

/// The longest duration that can be configured: 100 years of 365.25 days.
constexpr Duration longest_duration = std::chrono::days{36525};

/// One or more whole counts, each with its unit, largest unit first, with or without blanks: ms, s,
/// m, h, d, w, or min, sec and the units in full, singular or plural. Months and years have no
/// fixed length and are no units. nullopt for anything else and above longest_duration.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

/// 90 s -> "1m 30s": the shortest text that parse_duration() reads back to the same value. What is
/// negative gets a minus, which it does not read.
[[nodiscard]] std::string duration_text(Duration duration);

}  // namespace pgcaretaker::config
