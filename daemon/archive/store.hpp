// SPDX-License-Identifier: Apache-2.0
// What lies in the archive directory. Blocks on files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/manifest.hpp"

namespace pgcaretaker::archive {

struct Stored {
  std::string name;    // FOLDER/ARCHIVE, as commands take it
  std::string folder;  // its path
  std::optional<Manifest> manifest;
  std::string problem;  // why there is no manifest; "" = there is one
};

/// The one that lies in `folder`; a bad manifest is a problem and no error.
[[nodiscard]] Stored load(std::string name, std::string folder);

/// All of them, sorted by name. Throws Error when the directory cannot be looked into.
[[nodiscard]] std::vector<Stored> list(const std::string& directory);

/// Those that `wanted` names: FOLDER/ARCHIVE, or ARCHIVE where only one is called so. nullopt when
/// it names none or several; `problem` says which.
[[nodiscard]] std::optional<Stored> find(const std::vector<Stored>& all, const std::string& wanted,
                                         std::string& problem);

}  // namespace pgcaretaker::archive
