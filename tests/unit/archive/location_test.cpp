// SPDX-License-Identifier: Apache-2.0
// Names of folders from names of tables, none of which leads out of the directory.
#include "archive/location.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace pgcaretaker;
using namespace pgcaretaker::archive;

TEST_CASE("an archive is named after its table and its bounds, with midnights as dates") {
  struct Row {
    const char* bounds;
    const char* name;
  };
  for (const Row& row : std::array<Row, 8>{{
           {"FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')",
            "t.2024-01-01_2024-02-01"},
           {"FOR VALUES FROM ('2024-01-01 00:00:00') TO ('2024-02-01 00:00:00')",
            "t.2024-01-01_2024-02-01"},
           {"FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')", "t.2024-01-01_2024-02-01"},
           {"FOR VALUES FROM ('2024-01-01 05:00:00+00') TO ('2024-01-01 06:00:00+00')",
            "t.2024-01-01T05:00:00+00_2024-01-01T06:00:00+00"},
           {"FOR VALUES FROM ('0') TO ('1000')", "t.0_1000"},
           {"FOR VALUES FROM (MINVALUE) TO ('2024-01-01')", "t.MINVALUE_2024-01-01"},
           {"DEFAULT", "t"},
           {"", "t"},
       }}) {
    CAPTURE(row.bounds);
    CHECK(archive_name({"s", "t"}, row.bounds, 1) == row.name);
    CHECK(archive_name({"s", "t"}, row.bounds, 3) == std::string{row.name} + ".3");
  }
}

TEST_CASE("no name of a table leads elsewhere or hides") {
  CHECK(folder_of({"public", "audit_events"}) == "public.audit_events");
  CHECK(folder_of({"..", "x"}) == "%2E..x");
  CHECK(path_component("../../etc") == "%2E.%2F..%2Fetc");
  CHECK(path_component("a%2Fb\n") == "a%252Fb%0A");
  CHECK(path_component(".partial-x") == "%2Epartial-x");
  CHECK(archive_name({"s", "a/b"}, "FOR VALUES FROM ('a/b') TO ('..')", 1) == "a%2Fb.a%2Fb_..");
}
