// SPDX-License-Identifier: Apache-2.0
// Escaping for TOML.
#include "config/toml_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcaretaker::config {

namespace {

constexpr std::size_t longest_shown =
    60;  // bytes; enough to recognise it, and the line stays a line

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string out{'"'};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string toml_key(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), is_bare);
  return bare ? std::string{key} : toml_string(key);
}

std::string shown(std::string_view text) {
  if (text.size() <= longest_shown) {
    return toml_string(text);
  }
  std::size_t end = longest_shown;
  while (end > 0 && continues_character(text[end]))
    --end;
  return toml_string(text.substr(0, end)) + "...";
}

}  // namespace pgcaretaker::config
