// SPDX-License-Identifier: Apache-2.0
// Where the files lie that tests read: known to one object only, so that clones share the others.
#pragma once

#include <string>

namespace pgcaretaker::test {

/// The root of the tree that the tests were built from.
std::string source_dir();

}  // namespace pgcaretaker::test
