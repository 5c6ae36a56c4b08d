// SPDX-License-Identifier: Apache-2.0
// TOML text -> Node. The TOML library stays behind this header.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/document.hpp"
#include "config/problem.hpp"

namespace pgcaretaker::config {

/// nullopt after a syntax error, which is added to `problems` with its position. The message never
/// quotes a value: it might be a secret.
[[nodiscard]] std::optional<Node> parse_toml(std::string_view text, const std::string& source,
                                             Problems& problems);

/// The value of `--set`: a TOML value, or else the text itself. nullopt when it is not UTF-8.
[[nodiscard]] std::optional<Node> parse_override_value(const std::string& text);

}  // namespace pgcaretaker::config
