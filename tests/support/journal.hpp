// SPDX-License-Identifier: Apache-2.0
// The journal's table in a test's database, as operations make it.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "support/database.hpp"
#include "support/source_dir.hpp"

namespace pgcaretaker::test {

inline void load_journal(const TestDatabase& database) {
  const std::string command = "psql -Xq -o /dev/null -d '" + database.name() +
                              "' -v writers=pgc_owner,pgc_caretaker -f '" + source_dir() +
                              "/config/journal.sql' 2>/dev/null";
  // The server, as everything else, comes from PGHOST and PGPORT.
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c)
}

}  // namespace pgcaretaker::test
