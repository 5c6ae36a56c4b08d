// SPDX-License-Identifier: Apache-2.0
// kill -9 of `archive restore` at each of its statements: there is nothing or the whole table, and
// the next one brings it back.
#include <doctest/doctest.h>

#include "support/killed_runs.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

constexpr const char* restored_sql =
    "CREATE SCHEMA audit AUTHORIZATION pgc_owner; SET ROLE pgc_owner;"
    "CREATE TABLE audit.events (id bigint, at timestamptz NOT NULL, note text, "
    "PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
    "CREATE TABLE audit.old PARTITION OF audit.events FOR VALUES FROM ('2024-01-01 00:00+00') TO "
    "('2024-02-01 00:00+00');"
    "CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RAISE EXCEPTION ''append only''; END';"
    "CREATE TRIGGER shut BEFORE TRUNCATE ON audit.events EXECUTE FUNCTION audit.refuse();"
    "INSERT INTO audit.events SELECT g, '2024-01-05', md5(g::text) FROM generate_series(1, 300) g;"
    "INSERT INTO audit.events SELECT g, '2024-01-06', NULL FROM generate_series(1, 3) g;"
    "RESET ROLE; CREATE TABLE public.before AS SELECT * FROM audit.events";

constexpr const char* kept_sections =
    "[http]\nlisten = \"127.0.0.1:0\"\n[[partition]]\ntable = \"audit.events\"\n";

struct Archived : KilledRuns {
  Archived() : KilledRuns{kept_sections} {
    admin.execute(restored_sql);
    std::filesystem::create_directory(archives);
    REQUIRE_MESSAGE(run({"archive", "write", "audit.old"}) == 0, directory.read("output"));
    admin.execute("DROP TABLE audit.old");
  }

  bool is_there(const std::string& table) {
    return admin.value("SELECT to_regclass('" + table + "')").has_value();
  }
  /// Rows of one and not of the other, as often as they are there.
  long long difference(const std::string& table) {
    return admin.number("SELECT count(*) FROM ((TABLE public.before EXCEPT ALL TABLE ONLY " +
                        table + ") UNION ALL (TABLE ONLY " + table +
                        " EXCEPT ALL TABLE public.before)) AS difference");
  }

  void kill_everywhere(const Arguments& restore, const std::string& table, bool is_attached) {
    std::size_t writes = 1;
    std::size_t whole = 0;
    while (true) {
      CAPTURE(writes);
      const bool was_killed = run_and_kill_after(writes, restore);
      const bool was_there = is_there(table);
      if (was_there) {
        ++whole;
        CHECK(difference(table) == 0);
      }
      CHECK((was_there || was_killed));
      // What is there already is left as it is.
      CHECK_MESSAGE(run(restore) == (was_there ? 1 : 0), directory.read("output"));
      REQUIRE(is_there(table));
      CHECK(difference(table) == 0);
      CHECK(admin.number("SELECT relispartition::int FROM pg_class WHERE oid = '" + table +
                         "'::regclass") == (is_attached ? 1 : 0));
      CHECK(admin.number("SELECT count(*) FROM audit.events") == (is_attached ? 303 : 0));
      if (is_attached) {
        CHECK_THROWS(admin.execute("TRUNCATE " + table));
        CHECK(admin.value("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid "
                          "= '" +
                          table + "'::regclass") == "t");
      }
      CHECK(admin.number("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                         "'audit'::regnamespace") == 1);
      admin.execute("DROP TABLE " + table);
      if (!was_killed) break;
      ++writes;
    }
    MESSAGE("statements: ", writes);
    CHECK(writes > 10);
    CHECK(whole < writes);
  }
};

constexpr const char* archive_name = "audit.events/old.2024-01-01_2024-02-01";

}  // namespace

TEST_CASE_FIXTURE(Archived, "kill -9 of archive restore --as leaves nothing or the whole table") {
  kill_everywhere({"archive", "restore", archive_name, "--as", "audit.back"}, "audit.back", false);
}

TEST_CASE_FIXTURE(Archived,
                  "kill -9 of archive restore --attach leaves nothing or the whole partition") {
  kill_everywhere({"archive", "restore", archive_name, "--attach"}, "audit.old", true);
}
