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
  test::attach_text(snapshot, "audit_events_default", "DEFAULT");
  const config::Partition settings = test::audit_events_for_a_year();
  const task::Plan plan = make_plan(settings, config::Journal{config::TableName{"a", "b"}},
                                    snapshot, make_draft(settings, snapshot), Answers{});
  REQUIRE(plan.steps.size() == 3);
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
                 "'partition:public.audit_events', 'detach', "));
  CHECK(contains(sql, " WHERE c.oid = 2000\n"));
  CHECK(place(plan.steps[2], statement::guard) < place(plan.steps[2], statement::journal));
  CHECK(place(plan.steps[2], statement::journal) < place(plan.steps[2], statement::drop));
  const std::string& last = plan.steps[2].statements[2].sql;
  CHECK(contains(last, "'drop', c.oid::pg_catalog.regclass::text, 'FOR VALUES FROM (''2025-10-01"));
}

TEST_CASE("a row keeps its act from being done only where the journal is required") {
  partition::Snapshot snapshot = test::empty_table("2026-11-23");
  snapshot.journal_writable = true;
  test::attach_months(snapshot, "2025-10-01", 1);
  config::Journal journal{config::TableName{"a", "b"}};
  const config::Partition settings = test::audit_events_for_a_year();
  for (const bool required : {false, true}) {
    journal.required = required;
    const task::Plan plan =
        make_plan(settings, journal, snapshot, make_draft(settings, snapshot), Answers{});
    int rows = 0;
    for (const task::Step& step : plan.steps) {
      for (const task::Statement& sent : step.statements) {
        const bool is_row = sent.name == statement::journal;
        CHECK(sent.may_fail == (is_row && !required));
        rows += is_row ? 1 : 0;
      }
    }
    CHECK(rows > 1);
  }
}

TEST_CASE("a concurrent detach is written down when it is proven, not when it is tried") {
  partition::Snapshot snapshot = test::empty_table("2026-11-23");
  snapshot.journal_writable = true;
  test::attach_months(snapshot, "2025-10-01", 1);
  test::attach_months(snapshot, "2026-11-01", 4);
  const config::Partition settings = test::audit_events_for_a_year();
  const task::Plan plan = make_plan(settings, config::Journal{config::TableName{"a", "b"}},
                                    snapshot, make_draft(settings, snapshot), Answers{});
  test::Words written;
  for (const task::Step& step : plan.steps) {
    for (const task::Statement& sent : step.statements) {
      if (sent.name == statement::journal) written.push_back(step.action);
    }
  }
  CHECK(written == test::Words{"guard", "drop"});
}
