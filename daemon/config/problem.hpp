// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, and where.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgcaretaker::config {

struct Problem {
  std::string source;  // file name, "--set" for an override, "" = nowhere in particular
  int line = 0;        // 1-based; 0 = no position
  int column = 0;      // 1-based, in characters; 0 = no position
  std::string key;     // dotted, e.g. partition[0].retention; "" = the file as a whole
  std::string text;    // what is wrong and what to do, lower case, no full stop

  bool operator==(const Problem&) const = default;
  /// file:line:column: key: text, less what is not known.
  [[nodiscard]] std::string line_text() const;
};

using Problems = std::vector<Problem>;

}  // namespace pgcaretaker::config
