// SPDX-License-Identifier: Apache-2.0
// kill -9 of `once` at each of its statements, where it clears up after others: a concurrent detach
// that is pending, a marker that nothing came of, a guard that was left behind; and where it makes
// partitions behind a guard of its own.
#include <doctest/doctest.h>

#include "support/killed_runs.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t stride = 5;  // every process takes several times as long
#else
constexpr std::size_t stride = 1;
#endif

constexpr const char* functions_sql = R"(
-- As an earlier pass left it; its words are those of partition/marker.cpp.
CREATE FUNCTION public.mark(parent text, part text) RETURNS void LANGUAGE plpgsql
    SET TimeZone = 'UTC' SET DateStyle = 'ISO' AS $$
BEGIN
  EXECUTE format('COMMENT ON TABLE audit.%I IS %L', part, (
    SELECT format('pgcaretaker: {"parent":%s,"table":%s,"oid":%s,"bounds":%s,"plan":"p",'
                  '"then":"keep","state":"marked","since":"2026-01-01 00:00:00+00","comment":"mine"}',
                  i.inhparent, to_json('audit.' || parent), c.oid,
                  to_json(pg_get_expr(c.relpartbound, 0)))
      FROM pg_class AS c JOIN pg_inherits AS i ON i.inhrelid = c.oid
     WHERE c.oid = ('audit.' || part)::regclass));
END $$;
)";

// `pending` has a partition half detached, `marked` one that is not to go, `large` a default of a
// size that nobody has counted and a guard on it.
constexpr const char* tables_sql = R"(
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS audit CASCADE;
CREATE SCHEMA audit AUTHORIZATION pgc_owner;
SET ROLE pgc_owner;
CREATE TABLE audit.pending (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE audit.marked (LIKE audit.pending) PARTITION BY RANGE (at);
CREATE TABLE audit.large (LIKE audit.pending) PARTITION BY RANGE (at);
SELECT public.part('pending', n) FROM unnest('{-13,0,1}'::int[]) AS n;
SELECT public.part('marked', n) FROM unnest('{0,1}'::int[]) AS n;
SELECT public.part('large', n) FROM unnest('{0,1}'::int[]) AS n;
CREATE TABLE audit.large_default PARTITION OF audit.large DEFAULT
  WITH (autovacuum_enabled = off);
INSERT INTO audit.pending SELECT g, public.month(n) + interval '1 day'
  FROM generate_series(1, 50) AS g, unnest('{-13,0}'::int[]) AS n;
INSERT INTO audit.marked SELECT g, public.month(0) FROM generate_series(1, 50) AS g;
INSERT INTO audit.large SELECT g, public.month(-20) FROM generate_series(1, 10100) AS g;
SELECT public.mark('pending', 'pending_old13'), public.mark('marked', 'marked_new0');
ALTER TABLE audit.large_default ADD CONSTRAINT pgcaretaker_guard CHECK (at < '2030-01-01') NOT VALID;
COMMENT ON CONSTRAINT pgcaretaker_guard ON audit.large_default IS 'pgcaretaker: gone soon';
RESET ROLE;
)";

constexpr const char* sections_of_leftovers = R"(
[http]
listen = "127.0.0.1:0"
[journal]
table = ""
[[partition]]
table = "audit.pending"
ahead = 1
retention = "365 days"
expire = "detach"
freeze = false
analyze = false
[[partition]]
table = "audit.marked"
ahead = 1
retention = "365 days"
expire = "detach"
freeze = false
analyze = false
[[partition]]
table = "audit.large"
ahead = 3
default_partition = "report"
freeze = false
analyze = false
)";

struct Leftovers : KilledRuns {
  Leftovers() : KilledRuns{sections_of_leftovers} {
    admin.execute(std::string{months_sql} + functions_sql);
  }

  void arrange() {
    admin.execute(tables_sql);
    Admin reader{database.name()};
    reader.execute("BEGIN; SELECT count(*) FROM audit.pending");
    Admin detacher{database.name()};
    detacher.execute("SET lock_timeout = '20ms'");
    CHECK_THROWS(detacher.execute(
        "ALTER TABLE audit.pending DETACH PARTITION audit.pending_old13 CONCURRENTLY"));
    REQUIRE(pending() == 1);
  }

  long long pending() {
    return admin.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending");
  }
  std::string comment(const std::string& table) {
    return admin.value("SELECT obj_description('audit." + table + "'::regclass)").value_or("");
  }

  /// Every row of every table, whatever is attached to what.
  std::string rows() {
    return admin
        .value(
            "SELECT count(*) || ' ' || md5(string_agg(t, ',' ORDER BY t)) FROM ("
            "SELECT 'p' || r::text FROM ONLY audit.pending_old13 AS r UNION ALL "
            "SELECT 'p' || r::text FROM ONLY audit.pending_new0 AS r UNION ALL "
            "SELECT 'm' || r::text FROM audit.marked AS r UNION ALL "
            "SELECT 'l' || r::text FROM audit.large AS r) AS every (t)")
        .value();
  }

  void check_end() {
    CHECK(pending() == 0);
    CHECK(admin.number("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pgcaretaker%'") ==
          0);
    CHECK(comment("marked_new0") == "mine");
    CHECK(comment("pending_old13").find("\"state\":\"detached\"") != std::string::npos);
    CHECK(admin.value("SELECT NOT relispartition AND relrowsecurity AND relforcerowsecurity "
                      "FROM pg_class WHERE oid = 'audit.pending_old13'::regclass") == "t");
    CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                       "'audit.large'::regclass") == 5);
    // Writers are refused nowhere.
    admin.execute(
        "INSERT INTO audit.large VALUES (0, '2400-01-01'); "
        "DELETE FROM audit.large WHERE id = 0");
    CHECK(admin.column("SELECT relname FROM pg_class WHERE relnamespace = 'audit'::regnamespace "
                       "AND relkind = 'r' AND NOT relispartition") ==
          std::vector<std::string>{"pending_old13"});
  }
};

}  // namespace

TEST_CASE_FIXTURE(Leftovers,
                  "kill -9 at every statement that clears up loses nothing, and the next goes on") {
  arrange();
  const std::string before = rows();
  REQUIRE_MESSAGE(run({"plan"}) == 2, directory.read("output"));
  const std::string plan = directory.read("output");
  for (const char* const act : {"finish audit.pending_old13", "unmark audit.marked_new0",
                                "unguard audit.large_default", "NOT VALID"}) {
    CHECK_MESSAGE(plan.find(act) != std::string::npos, act, plan);
  }
  std::size_t writes = 1;
  while (true) {
    CAPTURE(writes);
    if (writes > 1) arrange();
    const bool was_killed = run_and_kill_after(writes);
    CHECK(rows() == before);
    CHECK_MESSAGE(run({"once"}) == 0, directory.read("output"));
    CHECK_MESSAGE(run({"plan"}) == 0, directory.read("output"));
    CHECK(rows() == before);
    check_end();
    if (!was_killed) break;
    writes += stride;
  }
  MESSAGE("statements: ", writes);
  CHECK(writes > 60);
}
