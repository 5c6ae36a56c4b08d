// SPDX-License-Identifier: Apache-2.0
// A visitor of the schema that fills the settings from the document.
#include "config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "config/known_keys.hpp"
#include "config/nearest.hpp"
#include "config/schema.hpp"
#include "config/toml_text.hpp"
#include "config/value_text.hpp"

namespace pgcaretaker::config {

namespace {

using Kind = Node::Kind;

std::string wrong_type(const char* expected, const Node& node) {
  return fmt::format("expected {}, found {}", expected, node.kind_words());
}

std::string read_node(const Node& node, bool& value) {
  if (node.kind != Kind::boolean) return wrong_type("true or false without quotes", node);
  value = node.boolean;
  return "";
}

std::string read_node(const Node& node, int& value) {
  if (node.kind != Kind::integer) return wrong_type("a whole number without quotes", node);
  if (node.integer < std::numeric_limits<int>::min() ||
      node.integer > std::numeric_limits<int>::max()) {
    return "is far too large";
  }
  value = static_cast<int>(node.integer);
  return "";
}

std::string read_node(const Node& node, double& value) {
  if (node.kind == Kind::integer) {
    value = static_cast<double>(node.integer);
    return "";
  }
  if (node.kind != Kind::real) return wrong_type("a number without quotes", node);
  value = node.real;
  return "";
}

/// Everything else is text in the file. A shell strips quotes, so --set need not have them.
template <class Type>
std::string read_node(const Node& node, Type& value) {
  if (node.kind == Kind::text) return read_value(node.text, value);
  if (node.kind == Kind::table || node.kind == Kind::array || node.raw.empty()) {
    return wrong_type("text in quotes", node);
  }
  return read_value(node.raw, value);
}

class Reader {
 public:
  Reader(const Node& table, std::string path, ReadSettings& result)
      : table_{table}, path_{std::move(path)}, result_{result} {}

  template <class Type>
  void value(const char* name, Type& target) {
    if (const Node* node = take(name)) {
      if (std::string fault = read_node(*node, target); !fault.empty()) {
        add(child_key(path_, name), node->place, std::move(fault));
      }
    }
  }

  template <class Section>
  void section(const char* name, Section& target) {
    if (const Node* node = take(name)) read_section(name, *node, target);
  }

  template <class Section>
  void optional_section(const char* name, std::optional<Section>& target) {
    const Node* node = take(name);
    if (node != nullptr && !read_section(name, *node, target.emplace())) {
      target.reset();
    }
  }

  template <class Section>
  void list(const char* name, std::vector<Section>& target) {
    const Node* node = take(name);
    if (node == nullptr) return;
    const std::string key = child_key(path_, name);
    if (node->kind != Kind::array) {
      add(key, node->place,
          fmt::format("there may be several of these: write [[{}]] (--set: {}.0.KEY)",
                      generic_key(key), key));
      return;
    }
    for (std::size_t i = 0; i < node->elements.size(); ++i) {
      const Node& element = node->elements[i];
      const std::string element_path = element_key(key, i);
      if (element.kind == Kind::table) {
        read(element, element_path, target.emplace_back());
      } else {
        add(element_path, element.place, wrong_type("a section", element));
        target.emplace_back();  // so that the next ones keep their index
      }
    }
  }

  template <class Section>
  static void read(const Node& table, const std::string& path, Section& target,
                   ReadSettings& result) {
    Reader reader{table, path, result};
    each_key(reader, target);
    reader.report_unknown();
  }

 private:
  template <class Section>
  void read(const Node& table, const std::string& path, Section& target) {
    read(table, path, target, result_);
  }

  template <class Section>
  bool read_section(const char* name, const Node& node, Section& target) {
    const std::string key = child_key(path_, name);
    if (node.kind == Kind::table) {
      read(node, key, target);
      return true;
    }
    add(key, node.place,
        fmt::format("expected one section, written [{}], found {}", generic_key(key),
                    node.kind_words()));
    return false;
  }

  const Node* take(const char* name) {
    names_.emplace_back(name);
    return table_.find(name);
  }

  void report_unknown() {
    for (const Member& member : table_.members) {
      if (std::find(names_.begin(), names_.end(), member.key) != names_.end()) continue;
      const std::string key = child_key(path_, member.key);
      if (const auto name = nearest(member.key, names_)) {
        add(key, member.place, fmt::format("unknown key, did you mean {}", *name));
        result_.doubtful.insert(child_key(path_, *name));
      } else {
        add(key, member.place, "unknown key, " + hint(member.key));
      }
    }
  }

  [[nodiscard]] std::string hint(const std::string& key) const {
    std::string elsewhere;
    for (const KnownKey& known : known_keys()) {
      if (known.name() == key) {
        elsewhere += (elsewhere.empty() ? "" : " or ") + known.path;
      }
    }
    if (!elsewhere.empty()) {
      return "did you mean " + elsewhere;
    }
    std::string all;
    for (const std::string& name : names_) {
      all += (all.empty() ? "" : ", ") + name;
    }
    return "those known here are " + all;
  }

  void add(const std::string& key, const Place& place, std::string text) {
    result_.problems.push_back({place.source, place.line, place.column, key, std::move(text)});
    result_.doubtful.insert(key);
  }

  const Node& table_;
  std::string path_;
  ReadSettings& result_;
  std::vector<std::string> names_;
};

}  // namespace

ReadSettings read_settings(const Node& document) {
  ReadSettings result;
  Reader::read(document, "", result.settings, result);
  return result;
}

}  // namespace pgcaretaker::config
