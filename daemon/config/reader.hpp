// SPDX-License-Identifier: Apache-2.0
// Document -> settings: keys and types. What the values mean together is check.hpp's.
#pragma once

#include <set>
#include <string>

#include "config/document.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

namespace pgcaretaker::config {

struct ReadSettings {
  Settings settings;  // a key with a problem keeps its default
  Problems problems;
  /// Keys whose value is not what was meant, so that nothing else should be concluded from them:
  /// those with a problem, and those that an unknown key was probably meant to be.
  std::set<std::string> doubtful;
};

[[nodiscard]] ReadSettings read_settings(const Node& document);

}  // namespace pgcaretaker::config
