// SPDX-License-Identifier: Apache-2.0
// The very SQL of each kind of step.
#include "partition/chain.hpp"
#include "partition/create_steps.hpp"
#include "partition/retire_steps.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using test::at;
using test::contains;
using test::range;
using test::Words;

namespace {

Words names(const task::Step& step) {
  Words result;
  for (const task::Statement& sent : step.statements) {
    result.push_back(sent.name.substr(sent.name.find('.') + 1));
  }
  return result;
}

StepContext context(const config::Partition& settings) {
  return {settings, 1000, KeyType::timestamptz, std::nullopt};
}

NewPartition new_p() {
  return {{"public", "p"}, range("2026-12-01", "2027-01-01")};
}

Member october() {
  Member member;
  member.observed.oid = 2000;
  member.observed.name = {"public", "audit_events_y2025m10"};
  member.range = range("2025-10-01", "2025-11-01");
  member.observed.bounds = bounds_clause(KeyType::timestamptz, member.range);
  member.standing = Standing::regular;
  return member;
}

Retention year() {
  return {std::chrono::days{365}, false, at("2025-11-23 14:00")};
}

/// All steps of its chain, without what [partition.new] asks for.
std::vector<task::Step> chain(const StepContext& context, const Member& member,
                              const Retention& retention, std::vector<Arrow> acts) {
  Retiree retiree{member.observed, member.range, "because"};
  retiree.drops = true;
  retiree.ties.foreign_keys = {{"zone fk", {31, "public.zones"}}};
  return chain_steps(context, retiree, retention, acts);
}

task::Step detach_step(const StepContext& context, const Member& member,
                       const Retention& retention) {
  return chain(context, member, retention, {Arrow::detach}).front();
}

config::Partition unguarded() {
  config::Partition settings = test::audit_events_for_a_year();
  settings.created.triggers = false;
  settings.created.row_security = false;
  settings.created.no_grants = false;
  return settings;
}

}  // namespace

TEST_CASE("creation is LIKE without identity, then ATTACH") {
  const config::Partition settings = test::audit_events();
  const task::Step step = create_step(
      context(settings), {{{"public", "audit_events_y2026m12"}, range("2026-12-01", "2027-01-01")}},
      "because");
  REQUIRE(names(step) == Words{"create", "liken", "attach", "liken", "verify_likeness"});
  CHECK(step.action == "create");
  CHECK(step.subject == "public.audit_events_y2026m12");
  CHECK(step.reason == "because");
  CHECK(step.reversible);
  CHECK(step.statements[0].sql ==
        "CREATE TABLE \"public\".\"audit_events_y2026m12\" (LIKE \"public\".\"audit_events\" "
        "INCLUDING ALL EXCLUDING IDENTITY)");
  CHECK(step.statements[2].sql ==
        "ALTER TABLE \"public\".\"audit_events\" ATTACH PARTITION "
        "\"public\".\"audit_events_y2026m12\"\n"
        "  FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')");
  CHECK(step.lock == "SHARE UPDATE EXCLUSIVE on public.audit_events");
}

TEST_CASE("a default partition is locked by creation and retirement, and the lock says so") {
  const config::Partition settings = test::audit_events_for_a_year();
  StepContext with_default = context(settings);
  with_default.default_partition.emplace();
  with_default.default_partition->oid = 77;
  with_default.default_partition->name = {"public", "audit_events_default"};
  CHECK(create_step(with_default, {new_p()}, "").lock ==
        "ACCESS EXCLUSIVE on public.audit_events_default, SHARE UPDATE EXCLUSIVE on "
        "public.audit_events");
  CHECK(detach_step(with_default, october(), year()).lock ==
        "ACCESS EXCLUSIVE on public.audit_events, public.audit_events_y2025m10, "
        "public.audit_events_default");
}

TEST_CASE("a step says which locks are worth a look before it asks for them") {
  using pg::LockMode;
  using Locks = std::vector<pg::WantedLock>;
  config::Partition settings = test::audit_events_for_a_year();
  settings.create_function = {"public", "audit_partition_ensure"};
  settings.drop_function = {"public", "audit_partition_drop"};
  const StepContext bare = context(settings);
  StepContext with_default = context(settings);
  with_default.default_partition.emplace();
  with_default.default_partition->oid = 77;
  const pg::WantedLock shared_parent{1000, LockMode::share_update_exclusive};
  const pg::WantedLock parent{1000, LockMode::access_exclusive};
  const pg::WantedLock partition{2000, LockMode::access_exclusive};
  const pg::WantedLock other{77, LockMode::access_exclusive};
  CHECK(create_step(bare, {new_p()}, "").locks == Locks{shared_parent});
  CHECK(create_step(with_default, {new_p()}, "").locks == Locks{shared_parent, other});
  CHECK(create_by_function_step(with_default, new_p(), "").locks == Locks{parent, other});
  CHECK(detach_step(bare, october(), year()).locks == Locks{parent, partition});
  CHECK(detach_step(with_default, october(), year()).locks == Locks{parent, partition, other});
  CHECK(drop_by_function_step(bare, october(), year(), "").locks == Locks{parent, partition});
}

TEST_CASE("a detach locks parent then partition, guards, holds, marks, and only then detaches") {
  config::Partition settings = unguarded();
  settings.hold_query = "SELECT false";
  const auto steps =
      chain(context(settings), october(), year(), {Arrow::detach, Arrow::release, Arrow::drop});
  REQUIRE(steps.size() == 3);
  const task::Step& detach = steps[0];
  CHECK(names(detach) == Words{"lock", "lock", "guard", "hold", "mark", "detach"});
  CHECK(detach.action == "detach");
  CHECK(detach.reversible);
  CHECK(detach.by_age);
  CHECK(detach.statements[0].sql ==
        "LOCK TABLE ONLY \"public\".\"audit_events\" IN ACCESS EXCLUSIVE MODE");
  CHECK(detach.statements[1].sql ==
        "LOCK TABLE ONLY \"public\".\"audit_events_y2025m10\" IN ACCESS EXCLUSIVE MODE");
  CHECK(detach.statements[5].sql ==
        "ALTER TABLE \"public\".\"audit_events\" DETACH PARTITION "
        "\"public\".\"audit_events_y2025m10\"");
  const task::Step& release = steps[1];
  CHECK(names(release) == Words{"lock", "guard", "hold", "release"});
  CHECK(release.statements[3].sql ==
        "ALTER TABLE \"public\".\"audit_events_y2025m10\" DROP CONSTRAINT \"zone fk\"");
  CHECK(release.lock == "ACCESS EXCLUSIVE on public.audit_events_y2025m10, public.zones");
  const task::Step& drop = steps[2];
  CHECK(names(drop) == Words{"lock", "guard", "hold", "drop"});
  CHECK(drop.statements[3].sql == "DROP TABLE \"public\".\"audit_events_y2025m10\"");
  CHECK_FALSE(drop.reversible);
  for (const task::Step& step : steps) {
    CHECK(step.subject == "public.audit_events_y2025m10");
    CHECK(step.reason == "because");
    for (const task::Statement& sent : step.statements) {
      CHECK_FALSE(contains(sent.sql, "CASCADE"));
    }
  }
}

TEST_CASE("beside readers it is mark, detach outside a transaction, guards, each by itself") {
  const config::Partition settings = unguarded();
  const auto steps = chain(context(settings), october(), year(),
                           {Arrow::mark, Arrow::detach_concurrently, Arrow::guard, Arrow::drop});
  CHECK(names(steps[0]) == Words{"lock", "guard", "mark"});
  CHECK(names(steps[1]) == Words{"detach_concurrently"});
  CHECK(contains(steps[1].statements[0].sql, " CONCURRENTLY"));
  CHECK(steps[1].locks[0] == pg::WantedLock{1000, pg::LockMode::access_exclusive});
  CHECK(names(steps[2]) == Words{"lock", "guard", "mark"});
  CHECK(steps[2].by_age);
  CHECK(contains(steps[0].statements[2].sql, "\"state\":\"marked\""));
  CHECK(contains(steps[2].statements[1].sql, "\"state\":\"marked\",\"since\":'"));
  CHECK(contains(steps[2].statements[2].sql, "\"state\":\"detached\""));
  CHECK(contains(steps[3].statements[1].sql, "\"state\":\"detached\",\"since\":'"));
  const auto rest = chain(context(settings), october(), year(), {Arrow::guard, Arrow::drop});
  CHECK_FALSE(rest[0].by_age);
}

TEST_CASE("what is out of the table is acted on by OID, name and marker, attached to nothing") {
  const config::Partition settings = unguarded();
  const auto steps = chain(context(settings), october(), year(), {Arrow::detach, Arrow::drop});
  const task::Statement& guard = steps[1].statements[1];
  CHECK(guard.expect_rows == 1);
  for (const char* proof :
       {"c.oid = 2000", "n.nspname = 'public'", "c.relname = 'audit_events_y2025m10'",
        "c.relkind = 'r'", "NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i",
        "'pgcaretaker: {\"parent\":1000,\"table\":\"public.audit_events\",\"oid\":2000,",
        "f.contype = 'f'"}) {
    CAPTURE(proof);
    CHECK(contains(guard.sql, proof));
  }
}

TEST_CASE("the guard proves OID, parent, name, kind and bounds, and must give one row") {
  const config::Partition settings = test::audit_events_for_a_year();
  const task::Step step = detach_step(context(settings), october(), year());
  const task::Statement& guard = step.statements[2];
  CHECK(guard.expect_rows == 1);
  for (const char* proof :
       {"i.inhrelid = 2000", "i.inhparent = 1000", "NOT i.inhdetachpending", "n.nspname = 'public'",
        "c.relname = 'audit_events_y2025m10'", "c.relkind = 'r'",
        "= 'FOR VALUES FROM (''2025-10-01 00:00:00+00'') TO (''2025-11-01 00:00:00+00'')'"}) {
    CAPTURE(proof);
    CHECK(contains(guard.sql, proof));
  }
}

TEST_CASE("what retention_query shortened is asked again under the lock") {
  config::Partition settings = unguarded();
  settings.retention_query = "SELECT 20;";
  const Retention shortened{std::chrono::days{20}, true, at("2025-11-23 14:00")};
  const task::Step step = detach_step(context(settings), october(), shortened);
  CHECK(names(step) == Words{"lock", "lock", "guard", "retention_query", "mark", "detach"});
  CHECK(step.statements[3].expect_rows == 1);
  CHECK(contains(step.statements[3].sql, "FROM (SELECT 20\n) AS answer (days)"));
  CHECK(contains(step.statements[3].sql,
                 "timestamptz '2025-11-01 00:00:00+00' <= timestamptz '2025-12-13 14:00:00+00'"));
  CHECK(names(chain(context(settings), october(), shortened, {Arrow::drop}).front()) ==
        Words{"lock", "guard", "retention_query", "drop"});
}

TEST_CASE("both ends of foreign keys are looked at, and named") {
  using pg::LockMode;
  const config::Partition settings = test::audit_events_for_a_year();
  StepContext near = context(settings);
  near.referenced = {{31, "public.zones"}};
  near.referencing = {{32, "public.notes"}};
  const task::Step create = create_step(near, {new_p()}, "");
  CHECK(create.lock ==
        "SHARE UPDATE EXCLUSIVE on public.audit_events, SHARE ROW EXCLUSIVE on public.zones, "
        "public.notes");
  CHECK(create.locks[1] == pg::WantedLock{31, LockMode::share_row_exclusive, true});
  const task::Step drop = detach_step(near, october(), year());
  CHECK(drop.lock ==
        "ACCESS EXCLUSIVE on public.audit_events, public.audit_events_y2025m10, public.zones, "
        "public.notes");
  CHECK(drop.locks.back() == pg::WantedLock{32, LockMode::access_exclusive, true});
}

TEST_CASE("create_function gets a literal that fits date and time parameters, and is verified") {
  config::Partition settings = test::audit_events();
  settings.create_function = {"public", "audit_partition_ensure"};
  const auto argument = [&](const char* lower, const char* upper) {
    return create_by_function_step(context(settings), {{"public", "p"}, range(lower, upper)}, "")
        .statements[0]
        .sql;
  };
  CHECK(argument("2026-12-01", "2027-01-01") ==
        "SELECT \"public\".\"audit_partition_ensure\"('2026-12-01')");
  CHECK(argument("2026-12-01 06:00", "2026-12-01 12:00") ==
        "SELECT \"public\".\"audit_partition_ensure\"('2026-12-01 06:00:00+00')");
  const task::Step step = create_by_function_step(context(settings), new_p(), "because");
  CHECK(names(step) == Words{"create_function", "verify_created"});
  CHECK(step.lock == "chosen by public.audit_partition_ensure");
  CHECK(step.statements[1].expect_rows == 1);
  CHECK(contains(step.statements[1].sql, "i.inhparent = 1000"));
  CHECK(step.statements[1].params ==
        Words{"FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')"});
}

TEST_CASE("drop_function is guarded, held and verified") {
  config::Partition settings = test::audit_events_for_a_year();
  settings.drop_function = {"public", "audit_partition_drop"};
  settings.hold_query = "SELECT false";
  const task::Step step = drop_by_function_step(context(settings), october(), year(), "because");
  CHECK(names(step) == Words{"guard", "hold", "drop_function", "verify_dropped"});
  CHECK(step.statements[2].sql ==
        "SELECT \"public\".\"audit_partition_drop\"('audit_events_y2025m10')");
  CHECK(contains(step.statements[3].sql, "c.oid = 2000"));
  CHECK(step.statements[3].expect_rows == 1);
  CHECK_FALSE(step.reversible);
}

TEST_CASE("odd names stay inside their quotes") {
  config::Partition settings = test::audit_events_for_a_year();
  settings.table = {"Weird Schema", "Tab\"le"};
  settings.drop_function = {"We\"ird", "Drop It"};
  Member member = october();
  member.observed.name = {"Weird Schema", "it's; DROP TABLE x --"};
  const auto steps = chain(context(settings), member, year(), {Arrow::detach, Arrow::drop});
  const task::Step& step = steps[0];
  CHECK(contains(step.statements[0].sql, "\"Weird Schema\".\"Tab\"\"le\" "));
  CHECK(contains(step.statements[2].sql, "c.relname = 'it''s; DROP TABLE x --'"));
  CHECK(steps[1].statements.back().sql == "DROP TABLE \"Weird Schema\".\"it's; DROP TABLE x --\"");
  CHECK(drop_by_function_step(context(settings), member, year(), "").statements[1].sql ==
        "SELECT \"We\"\"ird\".\"Drop It\"('it''s; DROP TABLE x --')");
}

TEST_CASE("hold_query is wrapped so that semicolons and comments at its end do no harm") {
  const auto held = [](const char* query) {
    return hold_statement(query, range("2026-11-01", "2026-12-01"));
  };
  CHECK(contains(held("SELECT true ; \n;").sql, "(SELECT true\n)"));
  CHECK(contains(held("SELECT true -- really").sql, "(SELECT true -- really\n)"));
  CHECK(held("SELECT true").params == Words{"2026-11-01 00:00:00+00", "2026-12-01 00:00:00+00"});
  CHECK(held("SELECT true").expect_rows == 1);
  CHECK(subquery("") == "(\n)");
}

TEST_CASE("the bounds of a create step can be read back from it") {
  config::Partition settings = test::audit_events_for_a_year();
  const std::string bounds = "FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')";
  CHECK(planned_bounds(create_step(context(settings), {new_p()}, "")) == bounds);
  settings.create_function = {"public", "f"};
  CHECK(planned_bounds(create_by_function_step(context(settings), new_p(), "")) == bounds);
  CHECK(planned_bounds(detach_step(context(settings), october(), year())).empty());
}

TEST_CASE("several partitions are made ready first and attached under locks asked for once") {
  config::Partition settings = test::audit_events();
  settings.created = {};
  settings.created.row_security = false;
  settings.created.no_grants = false;
  StepContext with_default = context(settings);
  with_default.default_partition.emplace();
  with_default.default_partition->name = {"public", "audit_events_default"};
  const NewPartition next{{"public", "q"}, range("2027-01-01", "2027-02-01")};
  const task::Step step = create_step(with_default, {new_p(), next}, "because");
  CHECK(step.subject == "public.p, public.q");
  CHECK(names(step) == Words{"create", "create", "lock", "lock", "attach", "attach",
                             "verify_likeness", "verify_likeness"});
  CHECK(step.statements[2].sql ==
        "LOCK TABLE ONLY \"public\".\"audit_events\" IN SHARE UPDATE EXCLUSIVE MODE");
  CHECK(step.statements[3].sql ==
        "LOCK TABLE ONLY \"public\".\"audit_events_default\" IN ACCESS EXCLUSIVE MODE");
  CHECK(planned_bounds(step) ==
        "FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00'), FROM ('2027-01-01 "
        "00:00:00+00') TO ('2027-02-01 00:00:00+00')");
}
