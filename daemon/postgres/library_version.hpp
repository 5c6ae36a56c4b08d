// SPDX-License-Identifier: Apache-2.0
// The libpq that is linked.
#pragma once

#include <string>

namespace pgcaretaker::pg {

/// "15.20"
[[nodiscard]] std::string library_version();

}  // namespace pgcaretaker::pg
