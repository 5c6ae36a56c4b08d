// SPDX-License-Identifier: Apache-2.0
// The discipline's statement and the oldest server.
#include "postgres/session.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "postgres/error.hpp"

namespace pgcaretaker {

TEST_CASE("the discipline is one SELECT with a parameter for each setting") {
  config::Database database;
  database.statement_timeout = std::chrono::milliseconds{1500};
  const auto discipline = pg::session_discipline(database);
  CHECK(discipline.sql.starts_with("SELECT pg_catalog.set_config('TimeZone', $1, false), "));
  const auto& values = discipline.params.values();
  CHECK(std::ranges::count(discipline.sql, '$') == static_cast<long>(values.size()));
  CHECK(std::ranges::find(values, "1500ms") != values.end());
  CHECK(discipline.sql.find("'role'") == std::string::npos);
}

TEST_CASE("a configured role is taken last and never becomes part of the SQL text") {
  config::Database database;
  database.role = "it's \"odd\"";
  const auto discipline = pg::session_discipline(database);
  CHECK(discipline.params.values().back() == "it's \"odd\"");
  CHECK(discipline.sql.find("odd") == std::string::npos);
}

TEST_CASE("servers before 14 are refused in one clear line") {
  CHECK_NOTHROW(pg::require_supported(140000, "db1:5432"));
  CHECK_NOTHROW(pg::require_supported(180004, "db1:5432"));
  CHECK_THROWS_WITH(pg::require_supported(130022, "db1:5432"),
                    "db1:5432 runs PostgreSQL 13.22: 14 or newer is needed");
}

}  // namespace pgcaretaker
