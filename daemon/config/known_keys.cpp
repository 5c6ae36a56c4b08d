// SPDX-License-Identifier: Apache-2.0
// A visitor of the schema that writes down what it sees.
#include "config/known_keys.hpp"

#include <optional>

#include "config/document.hpp"
#include "config/schema.hpp"
#include "config/toml_value.hpp"

namespace pgcaretaker::config {

namespace {

class Collector {
 public:
  Collector(std::string path, std::vector<KnownKey>& keys) : path_{std::move(path)}, keys_{keys} {}

  template <class Type>
  void value(const char* name, const Type& member) {
    keys_.push_back({child_key(path_, name), toml_value(member), false});
  }

  template <class Section>
  void section(const char* name, const Section& member) {
    const std::string key = child_key(path_, name);
    keys_.push_back({key, "", true});
    Collector inner{key, keys_};
    each_key(inner, member);
  }

  template <class Section>
  void optional_section(const char* name, const std::optional<Section>&) {
    section(name, Section{});
  }

  template <class Section>
  void list(const char* name, const std::vector<Section>&) {
    section(name, Section{});
  }

 private:
  std::string path_;
  std::vector<KnownKey>& keys_;
};

}  // namespace

std::string KnownKey::name() const {
  const auto dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

const std::vector<KnownKey>& known_keys() {
  static const std::vector<KnownKey> keys = [] {
    std::vector<KnownKey> collected;
    Collector collector{"", collected};
    const Settings defaults;
    each_key(collector, defaults);
    return collected;
  }();
  return keys;
}

std::string generic_key(const std::string& key) {
  std::string generic;
  bool in_index = false;
  for (const char c : key) {
    in_index = in_index || c == '[';
    if (!in_index) generic += c;
    if (c == ']') in_index = false;
  }
  return generic;
}

}  // namespace pgcaretaker::config
