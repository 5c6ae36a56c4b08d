// SPDX-License-Identifier: Apache-2.0
// Every file in bad/ gives exactly the lines of the .expected file beside it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "config/load.hpp"
#include "config/secret.hpp"
#include "support/source_dir.hpp"

using namespace pgcaretaker::config;

namespace {

const std::filesystem::path bad_files{pgcaretaker::test::source_dir() + "/tests/unit/config/bad"};

std::vector<std::filesystem::path> files(const char* extension) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator{bad_files}) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream stream{path, std::ios::binary};
  REQUIRE(stream);
  return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

TEST_CASE("each wrong file gives its lines, all at once") {
  CHECK(files(".toml").size() >= 20);
  for (const auto& path : files(".toml")) {
    Loaded loaded = load_text(content_of(path), path.filename().string(), {});
    if (loaded.problems.empty()) {
      (void)read_secrets(loaded.settings, loaded.problems, loaded.places);
    }
    std::string lines;
    for (const Problem& problem : loaded.problems) {
      lines += problem.line_text() + '\n';
    }
    auto expected = path;
    CAPTURE(path);
    CHECK(lines != "");
    CHECK(lines == content_of(expected.replace_extension(".expected")));
  }
}

TEST_CASE("no expectation stands alone") {
  CHECK(files(".expected").size() == files(".toml").size());
}

TEST_CASE("no expectation holds a secret of its file") {
  for (const auto& path : files(".expected")) {
    CAPTURE(path);
    const std::string lines = content_of(path);
    CHECK(lines.find("hunter") == std::string::npos);
    CHECK(std::count(lines.begin(), lines.end(), '\n') >= 1);
  }
}
