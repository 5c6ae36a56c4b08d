// SPDX-License-Identifier: Apache-2.0
// Where in its transaction an act is written down.
#include "partition/journal.hpp"

#include "audit_table.hpp"
#include "partition/create_steps.hpp"
#include "partition/retire_steps.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using test::contains;

TEST_CASE("the row is planned with the act: after ATTACH, before DETACH") {
  partition::Snapshot snapshot = test::empty_table("2026-11-23");
  snapshot.journal_writable = true;
  snapshot.host = "it's";
  snapshot.plan_id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
  test::attach_months(snapshot, "2025-10-01", 1);
  test::attach_months(snapshot, "2026-11-01", 3);
  const config::Partition settings = test::audit_events_for_a_year();
  const task::Plan plan = make_plan(settings, config::Journal{config::TableName{"a", "b"}},
                                    snapshot, make_draft(settings, snapshot), Answers{});
  REQUIRE(plan.steps.size() == 2);
  const auto place = [](const task::Step& step, std::string_view name) {
    return std::ranges::find(step.statements, name, &task::Statement::name) -
           step.statements.begin();
  };
  CHECK(place(plan.steps[0], statement::attach) < place(plan.steps[0], statement::journal));
  CHECK(place(plan.steps[1], statement::guard) < place(plan.steps[1], statement::journal));
  CHECK(place(plan.steps[1], statement::journal) < place(plan.steps[1], statement::detach));
  const std::string& sql = plan.steps[1].statements[3].sql;
  CHECK(contains(sql, "INSERT INTO \"a\".\"b\" ("));
  CHECK(contains(sql,
                 "SELECT 'it''s', '7c9e6679-7425-40de-944b-e07fc1f90ae7', "
                 "'partition:public.audit_events', 'drop', "));
  CHECK(contains(sql, " WHERE c.oid = 2000\n"));
}
