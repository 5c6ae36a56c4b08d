// SPDX-License-Identifier: Apache-2.0
// Look-up of places by key, outwards.
#include "config/places.hpp"

namespace pgcaretaker::config {

std::optional<Place> Places::exact(const std::string& key) const {
  const auto found = written_.find(key);
  return found == written_.end() ? std::nullopt : std::optional{found->second};
}

Place Places::nearest(std::string key) const {
  while (!key.empty()) {
    if (auto place = exact(key)) {
      return *place;
    }
    const auto cut = key.find_last_of(".[");
    key.resize(cut == std::string::npos ? 0 : cut);
  }
  return whole_;
}

}  // namespace pgcaretaker::config
