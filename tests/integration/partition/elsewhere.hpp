// SPDX-License-Identifier: Apache-2.0
// A second place for tables.
#pragma once

#include "support/database.hpp"

namespace pgcaretaker::test {

/// The tablespace `elsewhere`, for as long as this lives; what is in it must be gone before.
class Elsewhere {
 public:
  Elsewhere() {
    admin_.execute("SET allow_in_place_tablespaces = on");
    admin_.execute("CREATE TABLESPACE elsewhere LOCATION ''");
  }
  ~Elsewhere() { admin_.execute("DROP TABLESPACE elsewhere"); }
  Elsewhere(const Elsewhere&) = delete;

 private:
  Admin admin_{"postgres"};
};

}  // namespace pgcaretaker::test
