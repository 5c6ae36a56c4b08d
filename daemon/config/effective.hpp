// SPDX-License-Identifier: Apache-2.0
// Settings back to TOML, as check-config prints them: every key, secrets masked.
#pragma once

#include <string>

#include "config/dsn.hpp"
#include "config/duration.hpp"
#include "config/settings.hpp"

namespace pgcaretaker::config {

/// Every effective setting as TOML that load_text() accepts again. Passwords inside a dsn are
/// "***".
[[nodiscard]] std::string effective_toml(const Settings& settings);

}  // namespace pgcaretaker::config
