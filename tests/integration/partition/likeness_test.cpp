// SPDX-License-Identifier: Apache-2.0
// New partitions are like their parent where LIKE makes them different, and shut where it leaves a
// side door.
#include "partition_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

/// Everything that LIKE leaves out, on the parent and on one partition made by hand.
void create_particular_events(Admin& admin) {
  create_events(admin);
  admin.execute(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''append only''; END';"
      "CREATE TRIGGER \"no % truncate\" BEFORE TRUNCATE ON public.events FOR EACH STATEMENT "
      "EXECUTE "
      "FUNCTION public.refuse();"
      "ALTER TABLE public.events ENABLE ALWAYS TRIGGER \"no % truncate\";"
      "ALTER TABLE public.events ALTER note SET STATISTICS 1000;"
      "CREATE TABLE public.events_y2026m11 PARTITION OF public.events FOR VALUES FROM "
      "('2026-11-01') TO ('2026-12-01') WITH (fillfactor = 70, toast.autovacuum_enabled = false);"
      "ALTER TABLE public.events_y2026m11 OWNER TO pgc_owner;"
      "CREATE ROLE grasping;"
      "ALTER DEFAULT PRIVILEGES FOR ROLE pgc_owner GRANT ALL ON TABLES TO grasping, PUBLIC");
}

void forget(Admin& admin) {
  admin.execute(
      "ALTER DEFAULT PRIVILEGES FOR ROLE pgc_owner REVOKE ALL ON TABLES FROM grasping, PUBLIC;"
      "DROP OWNED BY grasping; DROP ROLE grasping");
}

/// Of the partition for December.
std::string of_december(Admin& admin, const std::string& expression) {
  return admin
      .value("SELECT (" + expression +
             ")::text FROM pg_class c WHERE c.oid = 'public.events_y2026m12'::regclass")
      .value_or("null");
}

}  // namespace

TEST_CASE("what LIKE leaves out is made equal, and direct access is shut") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_particular_events(admin);
  admin.execute("ALTER TABLE public.events REPLICA IDENTITY FULL");
  Keeper keeper{database.options()};
  const auto applied = keeper.once(events(), november);
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].kind == task::Applied::Kind::done);
  CHECK(codes(applied[0].findings) == Words{});
  CHECK(of_december(admin, "c.relowner::regrole") == "pgc_owner");
  CHECK(of_december(admin, "c.relreplident") == "f");
  CHECK(of_december(admin, "c.reloptions") == "{fillfactor=70}");
  CHECK(of_december(admin, "SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid") ==
        "{autovacuum_enabled=false}");
  CHECK(of_december(admin, "c.relrowsecurity AND c.relforcerowsecurity") == "true");
  CHECK(of_december(admin,
                    "SELECT string_agg(g.grantee::regrole::text, ',') FROM (SELECT DISTINCT "
                    "grantee FROM aclexplode(c.relacl)) g") == "pgc_owner");
  CHECK(of_december(admin,
                    "SELECT attstattarget FROM pg_attribute WHERE attrelid = c.oid AND "
                    "attname = 'note'") == "1000");
  CHECK(of_december(admin,
                    "SELECT tgenabled FROM pg_trigger WHERE tgrelid = c.oid AND tgname = "
                    "'no % truncate'") == "A");
  CHECK_THROWS(admin.execute("TRUNCATE public.events_y2026m12"));
  admin.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-12-24')");
  CHECK(admin.number("SELECT count(*) FROM public.events") == 1);
  forget(admin);
}

TEST_CASE("a replica identity by index finds the partition's own index") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute("ALTER TABLE public.events REPLICA IDENTITY USING INDEX events_pkey");
  Keeper keeper{database.options()};
  const auto applied = keeper.once(events(), november);
  REQUIRE(applied.size() == 2);
  CHECK(codes(applied[1].findings) == Words{});
  CHECK(of_december(admin,
                    "SELECT i.indisprimary FROM pg_index i WHERE i.indrelid = c.oid AND "
                    "i.indisreplident") == "true");
}

TEST_CASE("what is switched off is left as LIKE makes it") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_particular_events(admin);
  config::Partition settings = events();
  settings.created = {false, false, false, false, false, false, false};
  Keeper keeper{database.options()};
  const auto applied = keeper.once(settings, november);
  REQUIRE(applied.size() == 1);
  CHECK(codes(applied[0].findings) == Words{});
  CHECK(of_december(admin, "c.relrowsecurity OR c.relforcerowsecurity") == "false");
  CHECK(of_december(admin, "c.reloptions") == "null");
  CHECK(of_december(admin, "SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid") == "0");
  forget(admin);
}

TEST_CASE("a partition is made as its parent's owner wants it, whoever makes it") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  pg::ConnectOptions options = database.options();
  options.database.role.clear();  // the login itself, a member of the owner
  admin.execute("GRANT CREATE ON SCHEMA public TO pgc_caretaker");
  Keeper keeper{options};
  const auto applied = keeper.once(events(), november);
  REQUIRE(applied.size() == 2);
  CHECK(applied[1].kind == task::Applied::Kind::done);
  CHECK(codes(applied[1].findings) == Words{});
  CHECK(of_december(admin, "c.relowner::regrole") == "pgc_owner");
}

TEST_CASE("a difference that is left after ATTACH is a finding, and the partition stays") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  // Between plan and act the parent changes.
  admin.execute("ALTER TABLE public.events REPLICA IDENTITY FULL");
  const task::Applied applied = keeper.apply(events(), plan.steps.at(0));
  CHECK(applied.kind == task::Applied::Kind::done);
  REQUIRE(codes(applied.findings) == Words{"unlike_parent"});
  CHECK(applied.findings[0].text == "created, but another replica identity: see partition.new");
  CHECK(names(admin).size() == 1);
}
