// SPDX-License-Identifier: Apache-2.0
// A TOML document as a plain tree that knows where everything was written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/places.hpp"

namespace pgcaretaker::config {

struct Member;

struct Node {
  enum class Kind { table, array, text, integer, real, boolean, time };

  Kind kind = Kind::table;
  Place place;
  std::string text;             // of a text
  std::int64_t integer = 0;     // of an integer
  double real = 0;              // of a real
  bool boolean = false;         // of a boolean
  std::string raw;              // of --set: the value as it was given
  std::vector<Member> members;  // of a table
  std::vector<Node> elements;   // of an array

  /// The member's value; nullptr when there is none of that name.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] Node* find(std::string_view key);
  /// "a section", "text", "a whole number", ...
  [[nodiscard]] const char* kind_words() const;
};

struct Member {
  std::string key;
  Place place;  // of the key
  Node value;
};

/// "database" + "dsn" -> "database.dsn"; the outermost parent is "".
[[nodiscard]] std::string child_key(const std::string& parent, std::string_view key);
/// "partition" + 0 -> "partition[0]".
[[nodiscard]] std::string element_key(const std::string& parent, std::size_t index);

/// The place of every value in the tree.
[[nodiscard]] Places places_of(const Node& document, const std::string& source);

}  // namespace pgcaretaker::config
