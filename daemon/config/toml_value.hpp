// SPDX-License-Identifier: Apache-2.0
// A setting as the TOML value that the loader reads back to it.
#pragma once

#include <string>

#include "config/toml_text.hpp"
#include "config/value_text.hpp"

namespace pgcaretaker::config {

[[nodiscard]] std::string toml_value(bool value);
[[nodiscard]] std::string toml_value(int value);
[[nodiscard]] std::string toml_value(double value);

template <class Type>
[[nodiscard]] std::string toml_value(const Type& value) {
  return toml_string(write_value(value));
}

}  // namespace pgcaretaker::config
