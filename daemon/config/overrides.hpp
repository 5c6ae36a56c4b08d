// SPDX-License-Identifier: Apache-2.0
// --set: puts single values into a document.
#pragma once

#include <vector>

#include "config/document.hpp"
#include "config/load.hpp"

namespace pgcaretaker::config {

/// Applies them in order, so that the last one for a key counts. Sections and the next element of a
/// list come into being as needed. What cannot be applied becomes a problem.
void apply_overrides(const std::vector<Override>& overrides, Node& document, Problems& problems);

}  // namespace pgcaretaker::config
