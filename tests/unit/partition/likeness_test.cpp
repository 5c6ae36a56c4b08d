// SPDX-License-Identifier: Apache-2.0
// What a new partition gets beyond LIKE, in SQL.
#include "partition/likeness.hpp"

#include "audit_table.hpp"
#include "partition/create_steps.hpp"
#include "partition/retire_steps.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using test::contains;
using test::Words;

namespace {

const config::TableName likened{"public", "p"};

Words sql(const std::vector<task::Statement>& statements) {
  Words result;
  for (const task::Statement& sent : statements) {
    result.push_back(sent.sql);
  }
  return result;
}

config::Partition only(bool config::NewPartitions::*wanted) {
  config::Partition settings = test::audit_events();
  settings.created = {false, false, false, false, false, false, false};
  settings.created.*wanted = true;
  return settings;
}

}  // namespace

TEST_CASE("by default a new partition is shut, and proved to be") {
  const config::Partition settings = test::audit_events();
  CHECK(sql(liken(settings, {}, "", likened)) ==
        Words{"REVOKE ALL ON TABLE \"public\".\"p\" FROM PUBLIC"});
  const auto after = likeness_of_attached(settings, {}, 1000, likened);
  REQUIRE(after.size() == 2);
  CHECK(after[0].sql ==
        "ALTER TABLE \"public\".\"p\" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  CHECK(after[1].name == statement::verify_likeness);
  CHECK(contains(after[1].sql, "c.relforcerowsecurity"));
  CHECK(contains(after[1].sql, "p.oid = 1000 AND c.oid = '\"public\".\"p\"'"));
}

TEST_CASE("with everything switched off nothing is added and nothing is proved") {
  config::Partition settings = test::audit_events();
  settings.created = {false, false, false, false, false, false, false};
  Pattern pattern;
  pattern.replica_identity = 'f';
  pattern.options = {"fillfactor=70"};
  pattern.grantees = {"a"};
  CHECK(liken(settings, pattern, "owner", likened).empty());
  CHECK(storage_clause(settings.created, pattern).empty());
  CHECK(likeness_of_attached(settings, pattern, 1, likened).empty());
}

TEST_CASE("grants are taken from everybody that default privileges name") {
  Pattern pattern;
  pattern.grantees = {"reader", "Odd \"one\""};
  CHECK(sql(liken(only(&config::NewPartitions::no_grants), pattern, "", likened)) ==
        Words{"REVOKE ALL ON TABLE \"public\".\"p\" FROM PUBLIC, \"reader\", \"Odd \"\"one\"\"\""});
}

TEST_CASE("statistics targets and replica identity are the parent's") {
  Pattern pattern;
  pattern.statistics = {{"zone", 1000}, {"note", 0}};
  CHECK(sql(liken(only(&config::NewPartitions::statistics), pattern, "", likened)) ==
        Words{"ALTER TABLE \"public\".\"p\"\n  ALTER COLUMN \"zone\" SET STATISTICS 1000,\n  ALTER "
              "COLUMN \"note\" SET STATISTICS 0"});
  const config::Partition identity = only(&config::NewPartitions::replica_identity);
  pattern.replica_identity = 'f';
  CHECK(contains(liken(identity, pattern, "", likened).at(0).sql, "REPLICA IDENTITY FULL"));
  pattern.replica_identity = 'n';
  CHECK(contains(liken(identity, pattern, "", likened).at(0).sql, "REPLICA IDENTITY NOTHING"));
  pattern.replica_identity = 'i';
  pattern.replica_index = 4711;
  CHECK(liken(identity, pattern, "", likened).empty());
  const auto after = likeness_of_attached(identity, pattern, 1000, likened);
  REQUIRE(after.size() == 2);
  CHECK(contains(after[0].sql, "h.inhparent = 4711"));
}

TEST_CASE("storage follows the newest sibling, as far as we may") {
  Pattern pattern;
  pattern.options = {"fillfactor=70", "autovacuum_enabled=false"};
  pattern.toast_options = {"autovacuum_enabled=off"};
  pattern.tablespace = "Slow disks";
  const config::NewPartitions wanted;
  const std::string with =
      " WITH (fillfactor = '70', autovacuum_enabled = 'false', toast.autovacuum_enabled = 'off')";
  CHECK(storage_clause(wanted, pattern) == with + " TABLESPACE \"Slow disks\"");
  pattern.may_use_tablespace = false;
  CHECK(storage_clause(wanted, pattern) == with);
}

TEST_CASE("a trigger's definition is turned to the partition, whatever is in its name") {
  Pattern pattern;
  pattern.triggers = {{"x ON public.events y", "public.events",
                       "CREATE TRIGGER \"x ON public.events y\" BEFORE TRUNCATE ON public.events "
                       "FOR EACH STATEMENT "
                       "EXECUTE FUNCTION public.refuse()",
                       'A'}};
  CHECK(
      sql(liken(only(&config::NewPartitions::triggers), pattern, "", likened)) ==
      Words{"CREATE TRIGGER \"x ON public.events y\" BEFORE TRUNCATE ON \"public\".\"p\" FOR EACH "
            "STATEMENT EXECUTE FUNCTION public.refuse()",
            "ALTER TABLE \"public\".\"p\" ENABLE ALWAYS TRIGGER \"x ON public.events y\""});
}

TEST_CASE("the owner comes last, since it may be another than we") {
  const config::Partition settings = test::audit_events();
  CHECK(sql(liken(settings, {}, "the owner", likened)).back() ==
        "ALTER TABLE \"public\".\"p\" OWNER TO \"the owner\"");
}
