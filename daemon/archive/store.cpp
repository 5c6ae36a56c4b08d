// SPDX-License-Identifier: Apache-2.0
// Looking through the archive directory.
#include "archive/store.hpp"

#include <fmt/format.h>

#include "archive/error.hpp"
#include "archive/files.hpp"

namespace pgcaretaker::archive {

Stored load(std::string name, std::string folder) {
  Stored stored{std::move(name), std::move(folder), std::nullopt, ""};
  const std::string path = fmt::format("{}/{}", stored.folder, manifest_name);
  if (!exists(path)) {
    stored.problem = "it has no manifest.json, so it is no archive";
    return stored;
  }
  try {
    stored.manifest = parse_manifest(read_file(path));
  } catch (const std::runtime_error& error) {
    stored.problem = fmt::format("its manifest.json is no good: {}", error.what());
  }
  return stored;
}

std::vector<Stored> list(const std::string& directory) {
  std::vector<Stored> all;
  for (const std::string& folder : folders_in(directory)) {
    const std::string path = directory + '/' + folder;
    for (const std::string& name : folders_in(path)) {
      all.push_back(load(folder + '/' + name, path + '/' + name));
    }
  }
  return all;
}

std::optional<Stored> find(const std::vector<Stored>& all, const std::string& wanted,
                           std::string& problem) {
  std::optional<Stored> found;
  for (const Stored& stored : all) {
    if (stored.name == wanted) return stored;
    if (stored.name.substr(stored.name.find('/') + 1) != wanted) continue;
    if (found) {
      problem = fmt::format("there are {} and {}: write the whole name", found->name, stored.name);
      return std::nullopt;
    }
    found = stored;
  }
  if (!found) {
    problem =
        fmt::format("there is no archive '{}': `pgcaretaker archive list` has their names", wanted);
  }
  return found;
}

}  // namespace pgcaretaker::archive
