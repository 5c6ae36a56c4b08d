// SPDX-License-Identifier: Apache-2.0
// Numbers and truth values as TOML.
#include "config/toml_value.hpp"

#include <fmt/format.h>

namespace pgcaretaker::config {

std::string toml_value(bool value) {
  return value ? "true" : "false";
}

std::string toml_value(int value) {
  return std::to_string(value);
}

std::string toml_value(double value) {
  const std::string text = fmt::format("{}", value);  // the shortest that reads back
  const bool is_real = text.find_first_of(".en") != std::string::npos;
  return is_real ? text : text + ".0";
}

}  // namespace pgcaretaker::config
