// SPDX-License-Identifier: Apache-2.0
// kill -9 of `once` as the server gets each of its statements, COMMITs among them, one a round: all
// rows are there, each act is written down as often as it was done, and the next run converges.
#include <doctest/doctest.h>

#include <filesystem>

#include "archive/store.hpp"
#include "support/journal.hpp"
#include "support/killed_runs.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t stride = 7;  // every process takes several times as long
#else
constexpr std::size_t stride = 1;
#endif

// Four tables, so that one run adopts, drains, drops, archives and detaches, the last with a
// foreign key of its own.
constexpr const char* tools_sql = R"(
-- Every row of every table, but for what is to go.
CREATE FUNCTION public.contents() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  leaf regclass;
  one text;
  rows text[] := '{}';
BEGIN
  FOR leaf IN SELECT oid FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind = 'r'
      AND relname NOT IN ('zones', 'drained_old13', 'archived_old13') LOOP
    FOR one IN EXECUTE format('SELECT t::text FROM ONLY %s AS t', leaf) LOOP
      rows := rows || one;
    END LOOP;
  END LOOP;
  RETURN (SELECT count(*) || ' ' || md5(string_agg(r, ',' ORDER BY r)) FROM unnest(rows) AS r);
END $$;
)";
constexpr const char* tables_sql = R"(
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS audit CASCADE;
CREATE SCHEMA audit AUTHORIZATION pgc_owner;
ALTER TABLE pgcaretaker.journal DISABLE TRIGGER ALL;
TRUNCATE pgcaretaker.journal;
ALTER TABLE pgcaretaker.journal ENABLE ALWAYS TRIGGER append_only;
SET ROLE pgc_owner;
CREATE TABLE audit.zones (id bigint PRIMARY KEY);
INSERT INTO audit.zones VALUES (1);
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY '{adopted,drained,archived,detached}'::text[] LOOP
    EXECUTE format('CREATE TABLE audit.%I (id bigint, at timestamptz NOT NULL, zone bigint,
                    PRIMARY KEY (id, at)) PARTITION BY RANGE (at)', name);
  END LOOP;
END $$;
ALTER TABLE audit.drained ADD FOREIGN KEY (zone) REFERENCES audit.zones;
CREATE TABLE audit.adopted_default PARTITION OF audit.adopted DEFAULT;
CREATE TABLE audit.drained_default PARTITION OF audit.drained DEFAULT;
SELECT public.part('drained', -13), public.part('drained', 0);
SELECT public.part(name, n) FROM unnest('{archived,detached}'::text[]) AS name,
                                 unnest('{-13,0,1}'::int[]) AS n;
ALTER TABLE audit.detached_old13 ADD FOREIGN KEY (zone) REFERENCES audit.zones;
INSERT INTO audit.adopted SELECT g, public.month(0) + interval '1 day', 1
  FROM generate_series(1, 50) AS g;
INSERT INTO audit.drained SELECT g, public.month(n) + interval '1 day', 1
  FROM generate_series(1, 50) AS g, unnest('{-13,-2,0,1}'::int[]) AS n;
INSERT INTO audit.archived SELECT g, public.month(n) + interval '1 day', 1
  FROM generate_series(1, 50) AS g, unnest('{-13,0}'::int[]) AS n;
INSERT INTO audit.detached SELECT g, public.month(n) + interval '1 day', 1
  FROM generate_series(1, 50) AS g, unnest('{-13,0}'::int[]) AS n;
RESET ROLE;
)";
constexpr const char* sections_of_all = R"(
[http]
listen = "127.0.0.1:0"
[journal]
required = true
[[partition]]
table = "audit.adopted"
ahead = 1
default_partition = "adopt"
freeze = false
analyze = false
[[partition]]
table = "audit.drained"
ahead = 1
retention = "365 days"
expire = "drop"
freeze = false
analyze = false
[[partition]]
table = "audit.archived"
ahead = 1
retention = "365 days"
expire = "archive"
freeze = false
analyze = false
[[partition]]
table = "audit.detached"
ahead = 1
retention = "365 days"
expire = "detach"
freeze = false
analyze = false
)";

constexpr const char* all_acts = "adopt 1, archive 1, create 1, detach 3, drain 2, drop 2";

struct World : KilledRuns {
  World() : KilledRuns{sections_of_all} {
    load_journal(database);
    admin.execute(std::string{months_sql} + tools_sql);
  }

  void arrange() {
    admin.execute(tables_sql);
    std::filesystem::remove_all(archives);
    std::filesystem::create_directory(archives);
  }

  [[nodiscard]] bool is_there(const std::string& table) {
    return admin.value("SELECT to_regclass('audit." + table + "')").has_value();
  }

  void check_nothing_lost() {
    CHECK(admin.value("SELECT public.contents()") == before);
    CHECK(admin.number("SELECT count(*) FROM audit.adopted") == 50);
    CHECK(admin.number("SELECT count(*) FROM audit.drained WHERE at > public.month(-12)") == 150);
    if (is_there("drained_old13")) {
      CHECK(admin.number("SELECT count(*) FROM audit.drained_old13") == 50);
    }
    if (is_there("archived_old13")) {
      CHECK(admin.number("SELECT count(*) FROM audit.archived_old13") == 50);
    } else {
      CHECK(archive::list(archives).size() == 1);
    }
    const auto all = archive::list(archives);
    for (const archive::Stored& stored : all) {
      REQUIRE(stored.manifest);
      CHECK(stored.manifest->rows == 50);
    }
    if (!all.empty()) {
      CHECK_MESSAGE(run({"archive", "verify"}) == 0, directory.read("output"));
    }
  }

  /// "adopt 1, create 3", from the journal.
  [[nodiscard]] std::string acts() {
    return admin
        .value(
            "SELECT string_agg(action || ' ' || count, ', ' ORDER BY action) FROM (SELECT action, "
            "count(*) FROM pgcaretaker.journal GROUP BY action) AS acts")
        .value_or("");
  }

  void check_end() {
    check_nothing_lost();
    CHECK(archive::list(archives).size() == 1);
    CHECK(admin.number("SELECT count(*) FROM audit.adopted_default") == 0);
    CHECK(admin.number("SELECT count(*) FROM audit.drained_default") == 0);
    CHECK(admin.number("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pgcaretaker%'") ==
          0);
    CHECK(admin.number("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 0);
    CHECK(admin.column("SELECT relname FROM pg_class WHERE relnamespace = 'audit'::regnamespace "
                       "AND relkind = 'r' AND NOT relispartition ORDER BY 1") ==
          std::vector<std::string>{"detached_old13", "zones"});
    CHECK(admin.column("SELECT DISTINCT count(*) FROM pgcaretaker.journal GROUP BY action, "
                       "subject") == std::vector<std::string>{"1"});
    CHECK(acts() == all_acts);
  }

  std::string before;
};

}  // namespace

TEST_CASE_FIXTURE(World,
                  "kill -9 at every statement of once loses nothing, and the next converges") {
  arrange();
  before = admin.value("SELECT public.contents()").value();
  REQUIRE_MESSAGE(run({"once"}) == 0, directory.read("output"));
  REQUIRE_MESSAGE(run({"plan"}) == 0, directory.read("output"));
  check_end();
  std::size_t writes = 1;
  while (true) {
    CAPTURE(writes);
    arrange();
    const bool was_killed = run_and_kill_after(writes);
    check_nothing_lost();
    const int status = run({"once"});
    CHECK_MESSAGE(status == 0, directory.read("output"));
    CHECK_MESSAGE(run({"plan"}) == 0, directory.read("output"));
    check_end();
    if (!was_killed) break;
    writes += stride;
  }
  MESSAGE("statements: ", writes);
  CHECK(writes > 100);
}
