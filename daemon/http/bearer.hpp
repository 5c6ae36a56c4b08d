// SPDX-License-Identifier: Apache-2.0
// Does a request carry the bearer that was configured? Answered in constant time.
#pragma once

#include <string_view>

#include "config/secret.hpp"

namespace pgcaretaker::http {

/// Equality whose duration depends on the length of `given` alone, so that answers tell nothing of
/// `expected`.
[[nodiscard]] bool equal_in_constant_time(std::string_view given, std::string_view expected);

/// `authorization` is the header's value: "Bearer TOKEN", the scheme in any case (RFC 6750, RFC
/// 9110).
[[nodiscard]] bool bearer_matches(std::string_view authorization, const config::Secret& expected);

}  // namespace pgcaretaker::http
