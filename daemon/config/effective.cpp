// SPDX-License-Identifier: Apache-2.0
// A visitor of the schema that prints it.
#include "config/effective.hpp"

#include <string_view>

#include "config/document.hpp"
#include "config/schema.hpp"
#include "config/toml_value.hpp"

namespace pgcaretaker::config {

namespace {

class Printer {
 public:
  Printer(std::string path, std::string& out) : path_{std::move(path)}, out_{out} {}

  template <class Type>
  void value(std::string_view name, const Type& member) {
    out_ += std::string{name} + " = " + toml_value(member) + '\n';
  }

  void value(std::string_view name, const std::string& member) {
    const std::string text = name == "dsn" ? mask_dsn(member) : member;
    out_ += std::string{name} + " = " + toml_string(text) + '\n';
  }

  template <class Section>
  void section(const char* name, const Section& member) {
    print(name, member, "[", "]");
  }

  template <class Section>
  void optional_section(const char* name, const std::optional<Section>& member) {
    if (member) print(name, *member, "[", "]");
  }

  template <class Section>
  void list(const char* name, const std::vector<Section>& members) {
    for (const Section& member : members) {
      print(name, member, "[[", "]]");
    }
  }

 private:
  template <class Section>
  void print(const char* name, const Section& member, const char* open, const char* close) {
    const std::string key = child_key(path_, name);
    out_ += (out_.empty() ? "" : "\n") + (open + key) + close + '\n';
    Printer inner{key, out_};
    each_key(inner, member);
  }

  std::string path_;
  std::string& out_;
};

}  // namespace

std::string effective_toml(const Settings& settings) {
  std::string out;
  Printer printer{"", out};
  each_key(printer, settings);
  return out;
}

}  // namespace pgcaretaker::config
