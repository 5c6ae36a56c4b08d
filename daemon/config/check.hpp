// SPDX-License-Identifier: Apache-2.0
// What settings must be among themselves: limits and contradictions. Pure; knows keys, not
// positions.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace pgcaretaker::config {

/// The loader shows it at the first of `keys` that --set gave, else at the first that the file has,
/// else at the first; and not at all when one of `keys` was in doubt already.
struct Complaint {
  std::vector<std::string> keys;
  std::string text;
};

using Complaints = std::vector<Complaint>;

/// All that is wrong with `settings`.
[[nodiscard]] Complaints check(const Settings& settings);

}  // namespace pgcaretaker::config
