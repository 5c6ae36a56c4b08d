// SPDX-License-Identifier: Apache-2.0
// Damaged files: whatever comes in, problems or settings come out, and the settings hold together.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "config/effective.hpp"
#include "config/load.hpp"
#include "support/source_dir.hpp"

using namespace pgcaretaker::config;

namespace {

std::string good_text() {
  std::ifstream stream{pgcaretaker::test::source_dir() + "/config/caracal.toml", std::ios::binary};
  REQUIRE(stream);
  return {std::istreambuf_iterator<char>{stream}, {}};
}

class Damage {
 public:
  explicit Damage(unsigned seed) : random_{seed} {}

  void apply(std::string& text) {
    const std::size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, below(20));
        break;
      case 2:
        text.insert(at, 1, "\"'[]{}=.,#\n\\0-_%$"[below(17)]);
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(60)));
        break;
      case 4:
        swap_lines(text);
        break;
      default:
        text.resize(std::max<std::size_t>(at, 1));
        break;
    }
  }

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random_);
  }

 private:
  void swap_lines(std::string& text) {
    const auto begin = text.find('\n', below(text.size()));
    const auto end = begin == std::string::npos ? begin : text.find('\n', begin + 1);
    if (end == std::string::npos) return;
    const std::string line = text.substr(begin, end - begin);
    text.erase(begin, end - begin);
    text.insert(below(text.size() + 1), line);
  }

  std::mt19937 random_;
};

void hold_together(const Loaded& loaded) {
  for (const Problem& problem : loaded.problems) {
    const std::string line = problem.line_text();
    CHECK(!problem.text.empty());
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\0') == std::string::npos);
  }
  if (loaded.problems.empty()) {
    const Loaded again = load_text(effective_toml(loaded.settings), "again", {});
    CHECK(again.problems.empty());
    CHECK(again.settings == loaded.settings);
  }
}

}  // namespace

TEST_CASE(
    "a damaged file never crashes the loader, and what loads can be printed and loaded again") {
  const std::string text = good_text();
  int loaded_well = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Damage damage{seed};
    std::string damaged = text;
    for (std::size_t times = damage.below(3) + 1; times > 0; --times) {
      damage.apply(damaged);
    }
    const Loaded loaded = load_text(damaged, "damaged", {});
    hold_together(loaded);
    loaded_well += loaded.problems.empty() ? 1 : 0;
  }
  // Both ways must be exercised, or the damage is too weak or too strong to mean anything.
  CHECK(loaded_well > 50);
  CHECK(loaded_well < 1500);
}

TEST_CASE("damaged overrides never crash the loader") {
  const std::string text = good_text();
  for (unsigned seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    Damage damage{seed};
    std::string key = "partition.0.every";
    std::string value = "[1, {a = \"b\"}, 2026-11-23]";
    damage.apply(key);
    damage.apply(value);
    hold_together(load_text(text, "file", {{key, value}, {"outbox.0.key", value}}));
  }
}
