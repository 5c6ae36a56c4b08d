// SPDX-License-Identifier: Apache-2.0
// Reading and writing schema-qualified names.
#include "config/table_name.hpp"

#include <algorithm>

#include "config/ascii.hpp"

namespace pgcaretaker::config {

namespace {

/// Letters as SQL counts them: every byte beyond ASCII is one.
bool starts_name(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9') || c == '$';
}

bool is_plain(std::string_view name) {
  return !name.empty() && starts_name(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return continues_name(c) && lower(c) == c; });
}

std::string quoted_where_needed(const std::string& name) {
  return is_plain(name) ? name : quote_identifier(name);
}

std::optional<std::string> take_quoted(std::string_view& text) {
  std::string part;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      part += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      part += text[i++];
    } else {
      text.remove_prefix(i + 1);
      return part;
    }
  }
  return std::nullopt;
}

std::optional<std::string> take_part(std::string_view& text) {
  if (text.starts_with('"')) {
    return take_quoted(text);
  }
  if (text.empty() || !starts_name(text.front())) {
    return std::nullopt;
  }
  const auto end = std::find_if_not(text.begin(), text.end(), continues_name);
  std::string part{text.begin(), end};
  std::transform(part.begin(), part.end(), part.begin(), lower);
  text.remove_prefix(part.size());
  return part;
}

bool is_name(const std::optional<std::string>& part) {
  return part && !part->empty() && part->size() <= longest_name &&
         part->find('\0') == std::string::npos;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string quoted{'"'};
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string TableName::sql() const {
  return quote_identifier(schema) + '.' + quote_identifier(name);
}

std::string TableName::text() const {
  return quoted_where_needed(schema) + '.' + quoted_where_needed(name);
}

std::optional<TableName> parse_table_name(std::string_view text) {
  const auto schema = take_part(text);
  if (!is_name(schema) || !text.starts_with('.')) {
    return std::nullopt;
  }
  text.remove_prefix(1);
  const auto name = take_part(text);
  if (!is_name(name) || !text.empty()) {
    return std::nullopt;
  }
  return TableName{*schema, *name};
}

}  // namespace pgcaretaker::config
