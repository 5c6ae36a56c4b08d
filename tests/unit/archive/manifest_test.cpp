// SPDX-License-Identifier: Apache-2.0
// The manifest comes back as it was written, and a bad one is refused in a clause.
#include "archive/manifest.hpp"

#include <doctest/doctest.h>

#include "unit/archive/manifest_of_events.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::archive;

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

std::string problem_of(const std::string& text) {
  try {
    static_cast<void>(parse_manifest(text));
  } catch (const BadManifest& bad) {
    return bad.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a manifest comes back from its text with every value") {
  const Manifest manifest = test::manifest_of_events();
  CHECK(parse_manifest(manifest_text(manifest)) == manifest);
  Manifest bare;
  bare.table = {"Odd \"Schema\"", "t\n\xC3\xA4"};
  CHECK(parse_manifest(manifest_text(bare)) == bare);
}

TEST_CASE("a name that is no UTF-8 does not keep a manifest from being written") {
  Manifest manifest = test::manifest_of_events();
  manifest.columns[0].name = "caf\xE9";
  CHECK(parse_manifest(manifest_text(manifest)).columns[0].name == "caf\xEF\xBF\xBD");
}

TEST_CASE("keys that this version does not know are let be, another format is not") {
  const std::string text = manifest_text(test::manifest_of_events());
  CHECK(problem_of(replaced(text, "{", "{\"later\": 1,")) == "");
  CHECK(problem_of(replaced(text, "\"format\": 1", "\"format\": 2")) ==
        "its format is 2, this pgcaretaker reads 1");
}

TEST_CASE("what is cut off, lacks a value, or points elsewhere is no manifest") {
  const std::string text = manifest_text(test::manifest_of_events());
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    CHECK(problem_of(text.substr(0, length)) != "");
  }
  CHECK(problem_of(replaced(text, "\"rows\"", "\"lines\"")) != "");
  CHECK(problem_of(replaced(text, "\"rows\": 12", "\"rows\": \"12\"")) != "");
  for (const char* name : {"../../etc/passwd", "a/b", ".hidden", ""}) {
    CHECK(problem_of(replaced(text, "data.bin.zst", name)).find("leads elsewhere") !=
          std::string::npos);
  }
}

TEST_CASE("generated columns are in the list, but not in the files") {
  CHECK(test::manifest_of_events().copied_columns() ==
        std::vector<std::string>{"id", "at", "no\"te"});
}
