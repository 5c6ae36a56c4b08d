// SPDX-License-Identifier: Apache-2.0
// Each promise of [partition.new] is looked at again in the catalog: whoever breaks it after ATTACH
// or after a detach, it is found.
#include "elsewhere.hpp"
#include "meddler.hpp"
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

struct Case {
  const char* sql;         // what somebody does
  const char* difference;  // nullptr = none
};

constexpr const char* refuse_sql =
    "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RAISE EXCEPTION ''append only''; END';"
    "CREATE FUNCTION public.allow() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NULL; END';"
    "CREATE TRIGGER shut BEFORE TRUNCATE ON public.events EXECUTE FUNCTION public.refuse();"
    "CREATE TRIGGER kept BEFORE DELETE ON public.events FOR EACH ROW "
    "EXECUTE FUNCTION public.refuse();";

constexpr const char* january_sql =
    "CREATE TABLE public.events_y2026m01 PARTITION OF public.events FOR VALUES FROM "
    "('2026-01-01') TO ('2026-02-01');"
    "ALTER TABLE public.events_y2026m01 OWNER TO pgc_owner";

/// Two unique indexes, one of them the replica identity; storage of its own on the newest sibling.
struct Promised {
  Promised() {
    Admin& admin = database.admin();
    create_events(admin);
    admin.execute(
        "ALTER TABLE public.events ADD CONSTRAINT other UNIQUE (at, id), "
        "REPLICA IDENTITY USING INDEX events_pkey;" +
        std::string{refuse_sql} +
        "CREATE TABLE public.events_y2026m11 PARTITION OF public.events FOR VALUES FROM "
        "('2026-11-01') TO ('2026-12-01') WITH (fillfactor = 70, toast.autovacuum_enabled = false);"
        "ALTER TABLE public.events_y2026m11 OWNER TO pgc_owner;" +
        january_sql);
  }
  /// Of all steps; done, whatever was found.
  Words findings_of(const config::Partition& settings) {
    Keeper keeper{database.options()};
    Words result;
    const task::Plan plan = keeper.plan(settings, november);
    REQUIRE_FALSE(plan.steps.empty());
    for (const task::Step& step : plan.steps) {
      const task::Applied applied = keeper.apply(settings, step);
      CHECK(applied.kind == task::Applied::Kind::done);
      for (const task::Finding& finding : applied.findings) {
        CHECK(finding.severity == task::Severity::warning);
        CHECK(finding.subject == step.subject);
        result.push_back(finding.code + ": " + finding.text);
      }
    }
    return result;
  }

  Elsewhere elsewhere;
  TestDatabase database;
};

/// None for no difference.
Words finding(const std::string& code, const std::string& what, const char* difference) {
  if (difference == nullptr) return {};
  return {code + ": " + what + difference + ": see partition.new"};
}

std::string on_table(std::string sql, const std::string& word, const std::string& table) {
  const auto at = sql.find(word);
  return at == std::string::npos ? sql : sql.replace(at, word.size(), table);
}

}  // namespace

TEST_CASE_FIXTURE(Promised, "whatever is not like the parent after ATTACH is found") {
  const Case cases[] = {
      {"ALTER TABLE december OWNER TO pgc_caretaker", "another owner"},
      {"ALTER TABLE december REPLICA IDENTITY FULL", "another replica identity"},
      {"ALTER TABLE december REPLICA IDENTITY USING INDEX events_y2026m12_at_id_key",
       "another replica identity"},
      {"ALTER TABLE december ALTER note SET STATISTICS 5", "other statistics targets"},
      {"ALTER TABLE december SET (fillfactor = 50)", "other storage options"},
      {"ALTER TABLE december RESET (fillfactor)", "other storage options"},
      {"ALTER TABLE december SET (toast.autovacuum_enabled = true)", "other storage options"},
      {"ALTER TABLE december RESET (toast.autovacuum_enabled)", "other storage options"},
      {"ALTER TABLE december SET TABLESPACE elsewhere", "another tablespace"},
      {"DROP TRIGGER shut ON december", "a statement trigger is missing or another"},
      {"ALTER TABLE december DISABLE TRIGGER shut", "a statement trigger is missing or another"},
      {"CREATE OR REPLACE TRIGGER shut BEFORE TRUNCATE ON december EXECUTE FUNCTION public.allow()",
       "a statement trigger is missing or another"},
      {"CREATE OR REPLACE TRIGGER shut BEFORE TRUNCATE ON december WHEN (false) "
       "EXECUTE FUNCTION public.refuse()",
       "a statement trigger is missing or another"},
      {"ALTER TABLE december DISABLE ROW LEVEL SECURITY",
       "row-level security is not enabled and forced"},
      {"ALTER TABLE december NO FORCE ROW LEVEL SECURITY",
       "row-level security is not enabled and forced"},
      {"GRANT SELECT ON december TO PUBLIC", "others than its owner have privileges on it"},
      {"GRANT TRUNCATE ON december TO pgc_caretaker",
       "others than its owner have privileges on it"},
      {"PERFORM 1", nullptr},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string{c.sql});
    const Meddler meddler{
        database.admin(),
        "c.relname = 'events_y2026m12' AND c.relispartition AND c.relforcerowsecurity",
        on_table(c.sql, "december", "public.events_y2026m12")};
    const Words found = findings_of(events());
    CHECK(found == finding("unlike_parent", "created, but ", c.difference));
    CHECK(names(database.admin()).size() == 3);
    database.admin().execute("DROP TABLE public.events_y2026m12");
  }
}

TEST_CASE_FIXTURE(Promised,
                  "a partition in the database's tablespace, but not its sibling, is found") {
  database.admin().execute("ALTER TABLE public.events_y2026m11 SET TABLESPACE elsewhere");
  const Meddler meddler{
      database.admin(),
      "c.relname = 'events_y2026m12' AND c.relispartition AND c.relforcerowsecurity",
      "ALTER TABLE public.events_y2026m12 SET TABLESPACE pg_default"};
  database.admin().execute("GRANT CREATE ON TABLESPACE elsewhere TO pgc_owner");
  CHECK(findings_of(events()) == finding("unlike_parent", "created, but ", "another tablespace"));
}

TEST_CASE_FIXTURE(Promised, "whatever guard a detached table lacks is found") {
  const Case cases[] = {
      {"DROP TRIGGER shut ON january", "a trigger of its parent is missing or another"},
      {"DROP TRIGGER kept ON january", "a trigger of its parent is missing or another"},
      {"ALTER TABLE january DISABLE TRIGGER kept", "a trigger of its parent is missing or another"},
      {"CREATE OR REPLACE TRIGGER kept BEFORE INSERT ON january FOR EACH ROW "
       "EXECUTE FUNCTION public.refuse()",
       "a trigger of its parent is missing or another"},
      {"ALTER TABLE january DISABLE ROW LEVEL SECURITY",
       "row-level security is not enabled and forced"},
      {"ALTER TABLE january NO FORCE ROW LEVEL SECURITY",
       "row-level security is not enabled and forced"},
      {"GRANT INSERT ON january TO pgc_caretaker", "others than its owner have privileges on it"},
      {"PERFORM 1", nullptr},
  };
  config::Partition settings = short_lived_events();
  settings.expire = config::Expire::detach;
  settings.ahead = 0;
  for (const bool has_default : {false, true}) {
    CAPTURE(has_default);
    if (has_default) create_default(database.admin());
    for (const Case& c : cases) {
      CAPTURE(std::string{c.sql});
      const Meddler meddler{
          database.admin(),
          "c.relname = 'events_y2026m01' AND NOT c.relispartition AND tg_tag = 'REVOKE'",
          on_table(c.sql, "january", "public.events_y2026m01")};
      CHECK(findings_of(settings) == finding("unguarded", "detached, but ", c.difference));
      database.admin().execute("DROP TABLE public.events_y2026m01; " + std::string{january_sql});
    }
  }
}

TEST_CASE_FIXTURE(Promised,
                  "what is drained is made like the others, also when nothing else is made") {
  database.admin().execute("DROP TRIGGER kept ON public.events");  // it would fire for the move
  Keeper{database.options()}.once(events(), november);
  create_default(database.admin());
  database.admin().execute("INSERT INTO public.events VALUES (1, '2026-06-05', '')");
  CHECK(findings_of(events()) == Words{});
  CHECK(names(database.admin()) == Words{"events_default", "events_y2026m01", "events_y2026m06",
                                         "events_y2026m11", "events_y2026m12"});
  CHECK(database.admin().value("SELECT concat_ws(' ', reloptions, (SELECT string_agg(tgname, ' ') "
                               "FROM pg_trigger WHERE tgrelid = c.oid)) FROM pg_class AS c WHERE "
                               "oid = 'public.events_y2026m06'::regclass") ==
        "{fillfactor=70} shut");
}
