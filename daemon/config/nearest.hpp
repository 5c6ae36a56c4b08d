// SPDX-License-Identifier: Apache-2.0
// The word somebody probably meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgcaretaker::config {

/// Inserted, deleted, replaced and swapped neighbouring letters between two words.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

/// The candidate that `word` is likely a slip of: few edits for its length, or one begins with the
/// other. nullopt when none is near; the first of equals.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 const std::vector<std::string>& candidates);

}  // namespace pgcaretaker::config
