// SPDX-License-Identifier: Apache-2.0
// The loader's stages: text, tree, overrides, settings, checks; and the problems of all in order.
#include "config/load.hpp"

#include <algorithm>
#include <tuple>

#include "config/check.hpp"
#include "config/file.hpp"
#include "config/load_toml.hpp"
#include "config/overrides.hpp"
#include "config/reader.hpp"

namespace pgcaretaker::config {

namespace {

constexpr std::size_t largest_file = 1024UL * 1024;  // bytes; a thousand tables fit many times

Place place_of(const std::vector<std::string>& keys, const Places& places, std::string& key) {
  std::optional<Place> written;
  for (const std::string& candidate : keys) {
    const auto place = places.exact(candidate);
    if (place && (!written || place->source == override_source)) {
      written = place;
      key = candidate;
      if (place->source == override_source) break;
    }
  }
  if (!written) {
    key = keys.front();
  }
  return written ? *written : places.nearest(key);
}

/// Whether the key or a section around it is in doubt.
bool is_doubtful(std::string key, const ReadSettings& read) {
  while (!key.empty()) {
    if (read.doubtful.contains(key)) return true;
    const auto cut = key.find_last_of(".[");
    key.resize(cut == std::string::npos ? 0 : cut);
  }
  return false;
}

void add_complaints(const ReadSettings& read, Loaded& loaded) {
  for (const Complaint& complaint : check(read.settings)) {
    const bool in_doubt =
        std::any_of(complaint.keys.begin(), complaint.keys.end(),
                    [&](const std::string& key) { return is_doubtful(key, read); });
    if (!in_doubt) {
      std::string key;
      const Place place = place_of(complaint.keys, loaded.places, key);
      loaded.problems.push_back({place.source, place.line, place.column, key, complaint.text});
    }
  }
}

void sort_by_position(Problems& problems) {
  const auto position = [](const Problem& problem) {
    return std::tuple{problem.source == override_source, problem.line, problem.column};
  };
  std::stable_sort(
      problems.begin(), problems.end(),
      [&](const Problem& left, const Problem& right) { return position(left) < position(right); });
}

}  // namespace

Loaded load_text(std::string_view text, const std::string& source,
                 const std::vector<Override>& overrides) {
  Loaded loaded;
  const auto parsed = parse_toml(text, source, loaded.problems);
  Node document = parsed ? *parsed : Node{};
  apply_overrides(overrides, document, loaded.problems);
  loaded.places = places_of(document, source);
  if (parsed) {
    ReadSettings read = read_settings(document);
    loaded.problems.insert(loaded.problems.end(), read.problems.begin(), read.problems.end());
    add_complaints(read, loaded);
    loaded.settings = std::move(read.settings);
  }
  sort_by_position(loaded.problems);
  return loaded;
}

Loaded load_file(const std::string& path, const std::vector<Override>& overrides) {
  std::string fault;
  const std::string text = read_file(path, largest_file, fault);
  if (fault.empty()) {
    return load_text(text, path, overrides);
  }
  Loaded loaded;
  loaded.problems.push_back({"", 0, 0, "", fault});
  return loaded;
}

}  // namespace pgcaretaker::config
