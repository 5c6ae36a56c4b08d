// SPDX-License-Identifier: Apache-2.0
// Settings back to TOML, as check-config prints them: every key, secrets masked.
#pragma once

#include <string>

#include "config/settings.hpp"

namespace pgcaretaker::config {

/// Every effective setting as TOML that load_text() accepts again. Passwords inside a dsn are "***".
[[nodiscard]] std::string effective_toml(const Settings& settings);

/// A libpq conninfo or URI with every secret value replaced by ***, safe for logs and /status.
/// Covers password, sslpassword, passfile stays; any userinfo password of a URI.
[[nodiscard]] std::string mask_dsn(std::string_view dsn);

/// "90s" -> "1m 30s"... the shortest text that parse_duration() reads back to the same value.
[[nodiscard]] std::string duration_text(Duration duration);

}  // namespace pgcaretaker::config
