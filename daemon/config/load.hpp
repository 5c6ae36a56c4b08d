// SPDX-License-Identifier: Apache-2.0
// TOML file and --set overrides -> settings, or every problem they have at once.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/places.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

namespace pgcaretaker::config {

struct Loaded {
  Settings settings;  // meaningful only when `problems` is empty
  Problems problems;  // by position in the file, those of --set last
  Places places;      // where each key was written; for problems that are found later
};

/// "key=value" of --set, split at the first '='.
struct Override {
  std::string key;    // dotted; arrays by index: partition.0.every or partition[0].every
  std::string value;  // a TOML value; a bare word is taken as text
};

/// Reads and checks `path`. In an override the index one past the last element adds an element.
/// Blocks on the file system. Throws nothing a user can cause: an unreadable file is a problem too.
[[nodiscard]] Loaded load_file(const std::string& path, const std::vector<Override>& overrides);

/// Same for text already in memory; `source` names it in problems.
[[nodiscard]] Loaded load_text(std::string_view text, const std::string& source,
                               const std::vector<Override>& overrides);

}  // namespace pgcaretaker::config
