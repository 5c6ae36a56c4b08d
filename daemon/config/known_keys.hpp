// SPDX-License-Identifier: Apache-2.0
// All keys of the schema as a list.
#pragma once

#include <string>
#include <vector>

namespace pgcaretaker::config {

struct KnownKey {
  std::string path;           // as headers spell it, e.g. partition.retention, outbox.done.keep
  std::string default_value;  // as TOML, e.g. 3 or "6h"; of a section ""
  bool is_section = false;

  /// The last word of the path.
  [[nodiscard]] std::string name() const;
};

/// Sections before their keys, in the order of the file.
[[nodiscard]] const std::vector<KnownKey>& known_keys();

/// partition[0].retention -> partition.retention, as known_keys() spells it.
[[nodiscard]] std::string generic_key(const std::string& key);

}  // namespace pgcaretaker::config
