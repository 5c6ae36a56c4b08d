// SPDX-License-Identifier: Apache-2.0
// Literals for the few statements that take no parameters (DDL). Identifiers:
// config/table_name.hpp.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::pg {

/// 'text' with quotes doubled, E'' where there is a backslash. Throws std::invalid_argument on NUL.
[[nodiscard]] std::string quote_literal(std::string_view text);

}  // namespace pgcaretaker::pg
