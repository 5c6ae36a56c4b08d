// SPDX-License-Identifier: Apache-2.0
// Where each key of a configuration was written.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace pgcaretaker::config {

/// The source of everything that --set says.
inline const std::string override_source = "--set";

struct Place {
  std::string source;
  int line = 0;    // 1-based; 0 = no position
  int column = 0;  // 1-based, in characters; 0 = no position

  bool operator==(const Place&) const = default;
};

/// Dotted keys such as partition[0].retention, each with the place of its value.
class Places {
 public:
  Places() = default;
  /// `source` is where keys are said to be that stand nowhere.
  explicit Places(std::string source) : whole_{std::move(source)} {}

  void add(const std::string& key, Place place) { written_[key] = std::move(place); }
  /// nullopt when the key was not written.
  [[nodiscard]] std::optional<Place> exact(const std::string& key) const;
  /// That of the key or of the innermost section around it that was written.
  [[nodiscard]] Place nearest(std::string key) const;

 private:
  Place whole_;
  std::map<std::string, Place> written_;
};

}  // namespace pgcaretaker::config
