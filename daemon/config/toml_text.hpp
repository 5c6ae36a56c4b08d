// SPDX-License-Identifier: Apache-2.0
// Text and keys spelled as TOML, also for showing what a user wrote on one line.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::config {

/// "text" as a TOML basic string: quotes, backslashes and control characters escaped.
[[nodiscard]] std::string toml_string(std::string_view text);

/// A key, quoted only where TOML wants it.
[[nodiscard]] std::string toml_key(std::string_view key);

/// toml_string() for messages: cut after some 60 bytes, with ... behind.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace pgcaretaker::config
