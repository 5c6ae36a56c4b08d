// SPDX-License-Identifier: Apache-2.0
// Look-ups in the tree.
#include "config/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

void add_places(const Node& node, const std::string& key, Places& places) {
  if (!key.empty()) {
    places.add(key, node.place);
  }
  for (const Member& member : node.members) {
    add_places(member.value, child_key(key, member.key), places);
  }
  for (std::size_t i = 0; i < node.elements.size(); ++i) {
    add_places(node.elements[i], element_key(key, i), places);
  }
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto member = std::find_if(members.begin(), members.end(),
                                   [&](const Member& candidate) { return candidate.key == key; });
  return member == members.end() ? nullptr : &member->value;
}

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(key));
}

const char* Node::kind_words() const {
  switch (kind) {
    case Kind::table:
      return "a section";
    case Kind::array:
      return "a list";
    case Kind::text:
      return "text";
    case Kind::integer:
      return "a whole number";
    case Kind::real:
      return "a number with a point";
    case Kind::boolean:
      return "true or false";
    case Kind::time:
      break;
  }
  return "a date or time";
}

std::string child_key(const std::string& parent, std::string_view key) {
  return parent.empty() ? toml_key(key) : parent + '.' + toml_key(key);
}

std::string element_key(const std::string& parent, std::size_t index) {
  return fmt::format("{}[{}]", parent, index);
}

Places places_of(const Node& document, const std::string& source) {
  Places places{source};
  add_places(document, "", places);
  return places;
}

}  // namespace pgcaretaker::config
