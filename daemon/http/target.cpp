// SPDX-License-Identifier: Apache-2.0
// The target of a request line.
#include "http/target.hpp"

namespace pgcaretaker::http {

std::string path_of_target(std::string_view target) {
  if (const auto scheme = target.find("://");
      !target.starts_with('/') && scheme != std::string_view::npos) {
    const auto slash = target.find_first_of("/?", scheme + 3);
    target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
  }
  const std::string_view path = target.substr(0, target.find('?'));
  return path.empty() ? "/" : std::string{path};
}

}  // namespace pgcaretaker::http
