// SPDX-License-Identifier: Apache-2.0
// The only file that knows the TOML library.
#include "config/load_toml.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

// The library recurses once per dot of a key and would run out of stack on some 50,000 of them.
constexpr std::size_t longest_line = 8192;

Place place_at(const toml::source_position& position, const std::string& source) {
  return {source, static_cast<int>(position.line), static_cast<int>(position.column)};
}

Node convert(const toml::node& from, const std::string& source) {
  Node node;
  node.place = place_at(from.source().begin, source);
  if (const auto* table = from.as_table()) {
    for (const auto& [key, value] : *table) {
      node.members.push_back(
          {std::string{key.str()}, place_at(key.source().begin, source), convert(value, source)});
    }
  } else if (const auto* array = from.as_array()) {
    node.kind = Node::Kind::array;
    for (const toml::node& element : *array) {
      node.elements.push_back(convert(element, source));
    }
  } else if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::text;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* real = from.as_floating_point()) {
    node.kind = Node::Kind::real;
    node.real = real->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
  } else {
    node.kind = Node::Kind::time;
  }
  return node;
}

std::string syntax_words(std::string_view description) {
  constexpr std::string_view prefix = "Error while parsing ";
  if (description.find("not representable") != std::string_view::npos) {
    return "not valid TOML: a number that is too large";  // the library would quote it
  }
  if (description.find("could not determine value type") != std::string_view::npos) {
    return "not valid TOML: text must stand in quotes";
  }
  if (description.find("utf-8") != std::string_view::npos) {
    return "not valid TOML: the file must be UTF-8";
  }
  if (description.find("unescaped control characters") != std::string_view::npos) {
    return "not valid TOML: the quotes are not closed on this line, or hold a control character";
  }
  const bool scoped = description.starts_with(prefix);
  description.remove_prefix(scoped ? prefix.size() : 0);
  // Whatever the library quotes of the file must not break the line.
  std::string words = scoped ? "not valid TOML: in a " : "not valid TOML: ";
  for (const char c : description) {
    words += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  }
  return words;
}

/// 1-based line that is longer than longest_line, 0 = none.
int overlong_line(std::string_view text) {
  for (int line = 1;; ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > longest_line) return line;
    if (end == text.size()) return 0;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<Node> parse_toml(std::string_view text, const std::string& source,
                               Problems& problems) {
  if (const int line = overlong_line(text); line != 0) {
    problems.push_back({source, line, 1, "",
                        fmt::format("this line is longer than {} bytes, break it", longest_line)});
    return std::nullopt;
  }
  try {
    const toml::table table = toml::parse(text, std::string_view{source});
    return convert(table, source);
  } catch (const toml::parse_error& error) {
    const Place place = place_at(error.source().begin, source);
    problems.push_back({source, place.line, place.column, "", syntax_words(error.description())});
    return std::nullopt;
  }
}

std::optional<Node> parse_override_value(const std::string& text) {
  Problems ignored;
  auto document = parse_toml("value = " + text, override_source, ignored);
  // More than one member: a line break in the text began another key, so it is no single value.
  if (!document || document->members.size() != 1 || document->members[0].key != "value") {
    document = parse_toml("value = " + toml_string(text), override_source, ignored);
  }
  if (!document) {
    return std::nullopt;
  }
  Node value = std::move(document->members.front().value);
  value.raw = text;
  return value;
}

}  // namespace pgcaretaker::config
