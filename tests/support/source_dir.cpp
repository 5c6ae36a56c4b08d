// SPDX-License-Identifier: Apache-2.0
// The one object that holds a path of this machine.
#include "support/source_dir.hpp"

namespace pgcaretaker::test {

std::string source_dir() {
  return PGCARETAKER_SOURCE_DIR;
}

}  // namespace pgcaretaker::test
