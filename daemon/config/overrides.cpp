// SPDX-License-Identifier: Apache-2.0
// Walks the dotted key of an override into the document.
#include "config/overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/load_toml.hpp"
#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

constexpr std::size_t deepest_key = 16;  // segments; our deepest key has four

/// "a.0.b" and "a[0].b" -> a, 0, b; empty when a segment is empty or there are too many.
std::vector<std::string> split(const std::string& key) {
  std::string dotted;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '[') {
      dotted += '.';
    } else if (key[i] != ']') {
      dotted += key[i];
    }
  }
  std::vector<std::string> segments;
  std::size_t begin = 0;
  while (begin <= dotted.size()) {
    const std::size_t end = std::min(dotted.find('.', begin), dotted.size());
    segments.push_back(dotted.substr(begin, end - begin));
    if (segments.back().empty() || segments.size() > deepest_key) {
      return {};
    }
    begin = end + 1;
  }
  return segments;
}

std::optional<std::size_t> as_index(const std::string& segment) {
  std::size_t index = 0;
  const auto* last = segment.data() + segment.size();
  const auto [end, error] = std::from_chars(segment.data(), last, index);
  return error == std::errc{} && end == last ? std::optional{index} : std::nullopt;
}

Node make_section() {
  Node node;
  node.place.source = override_source;
  return node;
}

void set_source(Node& node) {
  node.place = {override_source, 0, 0};
  for (Member& member : node.members) {
    member.place = {override_source, 0, 0};
    set_source(member.value);
  }
  for (Node& element : node.elements) {
    set_source(element);
  }
}

/// One step down from `node`; nullptr after adding a problem.
Node* step(Node& node, const std::string& segment, const std::string& path, std::string& fault) {
  const auto index = as_index(segment);
  if (node.kind == Node::Kind::table && node.members.empty() && index &&
      node.place.source == override_source) {
    node.kind = Node::Kind::array;  // made by us a step ago; its index says that it is a list
  }
  if (node.kind == Node::Kind::array) {
    if (!index) {
      fault = fmt::format("{0} is a list, say which one: {0}.0.{1}", path, segment);
    } else if (*index > node.elements.size()) {
      fault = fmt::format("{} has {} so far, so the next is {}.{}", path, node.elements.size(),
                          path, node.elements.size());
    } else if (*index == node.elements.size()) {
      node.elements.push_back(make_section());
    }
    return fault.empty() ? &node.elements[*index] : nullptr;
  }
  if (node.kind != Node::Kind::table) {
    fault = fmt::format("{} is {}, not a section", path, node.kind_words());
    return nullptr;
  }
  if (Node* found = node.find(segment)) {
    return found;
  }
  node.members.push_back({segment, {override_source, 0, 0}, make_section()});
  return &node.members.back().value;
}

std::string apply(const Override& override, Node& document) {
  const auto segments = split(override.key);
  if (segments.empty()) {
    return "is no key, write for example partition.0.every=\"1h\"";
  }
  auto value = parse_override_value(override.value);
  if (!value) {
    return "the value is not UTF-8 text";
  }
  set_source(*value);
  Node* node = &document;
  std::string path;
  std::string fault;
  for (const std::string& segment : segments) {
    node = step(*node, segment, path, fault);
    if (node == nullptr) {
      return fault;
    }
    path += (path.empty() ? "" : ".") + segment;
  }
  *node = *std::move(value);
  return "";
}

}  // namespace

void apply_overrides(const std::vector<Override>& overrides, Node& document, Problems& problems) {
  for (const Override& override : overrides) {
    if (std::string fault = apply(override, document); !fault.empty()) {
      const bool printable = std::all_of(override.key.begin(), override.key.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
      });
      problems.push_back({override_source, 0, 0,
                          printable ? override.key : toml_string(override.key), std::move(fault)});
    }
  }
}

}  // namespace pgcaretaker::config
