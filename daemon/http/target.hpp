// SPDX-License-Identifier: Apache-2.0
// The target of a request line. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::http {

/// The path of an origin-form or absolute-form target (RFC 9112, 3.2), without its query. Not
/// decoded: no path here needs an escape.
[[nodiscard]] std::string path_of_target(std::string_view target);

}  // namespace pgcaretaker::http
