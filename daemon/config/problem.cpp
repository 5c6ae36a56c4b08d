// SPDX-License-Identifier: Apache-2.0
// A problem as one line.
#include "config/problem.hpp"

#include <fmt/format.h>

namespace pgcaretaker::config {

std::string Problem::line_text() const {
  std::string line_text;
  if (!source.empty()) {
    line_text = line == 0 ? source + ": " : fmt::format("{}:{}:{}: ", source, line, column);
  }
  if (!key.empty()) {
    line_text += key + ": ";
  }
  return line_text + text;
}

}  // namespace pgcaretaker::config
