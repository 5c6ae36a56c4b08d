// SPDX-License-Identifier: Apache-2.0
// Which build this is.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::app {

/// 0.1.0
[[nodiscard]] std::string_view version();

/// One line: version, build type, library versions.
[[nodiscard]] std::string version_text();

}  // namespace pgcaretaker::app
