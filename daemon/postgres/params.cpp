// SPDX-License-Identifier: Apache-2.0
// Values as the text that PostgreSQL's input functions read back without loss.
#include "postgres/params.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "postgres/timestamp.hpp"

namespace pgcaretaker::pg {

namespace {

// libpq passes text up to the first NUL: the rest would silently be missing.
void refuse_nul(std::string_view value) {
  if (value.find('\0') != std::string_view::npos) {
    throw std::invalid_argument{"a text parameter cannot hold a NUL character"};
  }
}

}  // namespace

std::string param_text(std::string_view value) {
  refuse_nul(value);
  return std::string{value};
}

std::string param_text(const char* value) {
  return param_text(std::string_view{value});
}

std::string param_text(UtcTime value) {
  return format_timestamp(value);
}

std::string param_text(bool value) {
  return value ? "t" : "f";
}

std::string param_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return std::string{digits.data(), written.ptr};
}

std::string param_text(const std::vector<std::string>& values) {
  std::string array = "{";
  for (const std::string& value : values) {
    refuse_nul(value);
    array += array.size() > 1 ? ",\"" : "\"";
    for (const char character : value) {
      if (character == '"' || character == '\\') {
        array += '\\';
      }
      array += character;
    }
    array += '"';
  }
  return array + '}';
}

std::string param_text(const std::vector<std::int64_t>& values) {
  std::string array = "{";
  for (const std::int64_t value : values) {
    if (array.size() > 1) array += ',';
    array += std::to_string(value);
  }
  return array + '}';
}

}  // namespace pgcaretaker::pg
