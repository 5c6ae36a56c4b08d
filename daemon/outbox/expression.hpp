// SPDX-License-Identifier: Apache-2.0
// Is a configured text one self-contained SQL expression? Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgcaretaker::outbox {

/// Why `text` must not stand between our own parentheses, e.g. "closes a parenthesis that it did
/// not open"; nullopt when it may. `x) OR (y` would parse there, and delete rows that nobody meant:
/// the server cannot tell, so this looks first. It knows quotes, comments and dollar quotes, not
/// grammar; whether it is valid SQL is the server's to say.
[[nodiscard]] std::optional<std::string> expression_problem(std::string_view text);

}  // namespace pgcaretaker::outbox
