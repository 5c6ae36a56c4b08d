// SPDX-License-Identifier: Apache-2.0
// Names of files from names of tables.
#include "archive/location.hpp"

#include <fmt/format.h>

namespace pgcaretaker::archive {

namespace {

std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const auto start = text.find(before);
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start + before.size());
  return text.substr(0, text.find(after));
}

std::string end_of(std::string_view literal) {
  std::string text;
  for (const char character : literal) {
    if (character != '\'') text += character == ' ' ? 'T' : character;
  }
  for (const std::string_view midnight : {"T00:00:00+00", "T00:00:00"}) {
    if (text.ends_with(midnight)) text.resize(text.size() - midnight.size());
  }
  return text;
}

}  // namespace

std::string path_component(std::string_view text) {
  std::string safe;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool leads = safe.empty() && character == '.';
    if (byte < 0x20 || byte == 0x7F || character == '/' || character == '%' || leads) {
      safe += fmt::format("%{:02X}", byte);
    } else {
      safe += character;
    }
  }
  return safe;
}

std::string folder_of(const config::TableName& table) {
  return path_component(table.schema + '.' + table.name);
}

std::optional<Ends> ends_of(std::string_view bounds) {
  const std::string_view lower = between(bounds, "FROM (", ") TO (");
  const std::string_view upper = between(bounds, ") TO (", ")");
  if (!bounds.starts_with("FOR VALUES FROM (") || lower.empty() || upper.empty()) {
    return std::nullopt;
  }
  return Ends{end_of(lower), end_of(upper)};
}

std::string archive_name(const config::TableName& table, std::string_view bounds, int number) {
  std::string name = path_component(table.name);
  if (const auto ends = ends_of(bounds)) {
    name += path_component('.' + ends->lower + '_' + ends->upper).replace(0, 3, ".");
  }
  if (number > 1) name += fmt::format(".{}", number);
  return name;
}

}  // namespace pgcaretaker::archive
