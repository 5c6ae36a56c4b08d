// SPDX-License-Identifier: Apache-2.0
// Which partitions a plan creates, and which it refuses to.
#include "audit_table.hpp"
#include "partition/create_steps.hpp"
#include "partition/retire_steps.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using partition::Answers;
using partition::Snapshot;
using task::Severity;

TEST_CASE("a table without partitions gets the current month and three more") {
  const task::Plan plan = plan_of(audit_events(), empty_table("2026-11-23"));
  CHECK(subjects(plan) ==
        Words{"create public.audit_events_y2026m11", "create public.audit_events_y2026m12",
              "create public.audit_events_y2027m01", "create public.audit_events_y2027m02"});
  CHECK(plan.findings.empty());
  CHECK(plan.as_of == at("2026-11-23"));
}

TEST_CASE("a full window needs nothing") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2026-11-01", 4);
  const task::Plan plan = plan_of(audit_events(), snapshot);
  CHECK(plan.steps.empty());
  CHECK(plan.findings.empty());
}

TEST_CASE("at the very start of a month its successor comes due") {
  Snapshot snapshot = empty_table("2026-11-30 23:59");
  attach_months(snapshot, "2026-11-01", 4);
  CHECK(plan_of(audit_events(), snapshot).steps.empty());
  snapshot.now = at("2026-12-01");
  CHECK(subjects(plan_of(audit_events(), snapshot)) ==
        Words{"create public.audit_events_y2027m03"});
}

TEST_CASE("a reason says what the partition is for") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach(snapshot, "a", "2027-01-01", "2027-02-01");
  const task::Plan plan = plan_of(audit_events(), snapshot);
  REQUIRE(plan.steps.size() == 3);
  CHECK(plan.steps[0].reason ==
        "no partition takes the rows of today: 2026-11-01 to 2026-12-01 is free");
  CHECK(plan.steps[1].reason == "there is a gap at 2026-12-01 to 2027-01-01");
  CHECK(plan.steps[2].reason == "the window must reach 2027-03-01: 3 intervals ahead of 2026-11");

  config::Partition daily = audit_events();
  daily.interval = {config::IntervalUnit::day, 1};
  daily.name = "{table}_%Y%m%d";
  daily.ahead = 1;
  CHECK(plan_of(daily, empty_table("2026-11-23")).steps[1].reason ==
        "the window must reach 2026-11-25: 1 interval ahead of 2026-11-23");
  config::Partition yearly = audit_events();
  yearly.interval = {config::IntervalUnit::year, 1};
  yearly.name = "{table}_%Y";
  CHECK(plan_of(yearly, empty_table("2026-11-23")).steps[1].reason ==
        "the window must reach 2030-01-01: 3 intervals ahead of 2026");
}

TEST_CASE("only what odd partitions leave free is created, and it is said") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach(snapshot, "odd", "2026-11-01 05:00", "2026-12-01 05:00");
  config::Partition settings = audit_events();
  settings.ahead = 1;
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(subjects(plan) ==
        Words{"create public.audit_events_y2026m11", "create public.audit_events_y2026m12"});
  CHECK(codes(plan.findings) == Words{"odd_bounds", "odd_bounds"});
  CHECK(plan.findings[0].severity == Severity::info);
  CHECK(contains(partition::planned_bounds(plan.steps[1]),
                 "FROM ('2026-12-01 05:00:00+00') TO ('2027-01-01 00:00:00+00')"));
}

TEST_CASE("create_function makes whole intervals only; the rest is for a person") {
  Snapshot snapshot = empty_table("2026-11-23");
  snapshot.table.owned = false;
  attach(snapshot, "odd", "2026-11-01", "2026-12-11");
  config::Partition settings = audit_events();
  settings.ahead = 2;
  settings.create_function = {"public", "ensure"};
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(subjects(plan) == Words{"create public.audit_events_y2027m01"});
  CHECK(finding(plan, "odd_bounds").severity == Severity::critical);
}

TEST_CASE("foreign, sub-partitioned and half detached partitions keep their ranges") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2026-11-01", 3);
  snapshot.partitions[0].kind = 'f';
  snapshot.partitions[1].kind = 'p';
  snapshot.partitions[2].detach_pending = true;
  const task::Plan plan = plan_of(audit_events(), snapshot);
  CHECK(subjects(plan) == Words{"create public.audit_events_y2027m02"});
  CHECK(codes(plan.findings) == Words{"unrecognised", "unrecognised", "detach_pending"});
}

TEST_CASE("a name that is taken is refused by name, and other ranges go on") {
  Answers answers;
  answers.taken_names["audit_events_y2026m12"] = "an index";
  const task::Plan plan = plan_of(audit_events(), empty_table("2026-11-23"), answers);
  CHECK(subjects(plan) == Words{"create public.audit_events_y2026m11",
                                "create public.audit_events_y2027m01",
                                "create public.audit_events_y2027m02"});
  const task::Finding& clash = finding(plan, "name_clash");
  CHECK(clash.severity == Severity::critical);
  CHECK(clash.subject == "public.audit_events_y2026m12");
  CHECK(clash.text ==
        "the partition for 2026-12-01 to 2027-01-01 needs this name, but an index has "
        "it: rename or drop that, or change name in [[partition]]");
}

TEST_CASE("a name template too coarse for its interval clashes with itself") {
  config::Partition settings = audit_events();
  settings.interval = {config::IntervalUnit::day, 1};
  const task::Plan plan = plan_of(settings, empty_table("2026-11-23"));
  CHECK(subjects(plan) == Words{"create public.audit_events_y2026m11"});
  CHECK(codes(plan.findings) == Words{"name_clash", "name_clash", "name_clash"});
}

TEST_CASE("names end at 63 bytes, counted in bytes") {
  config::Partition settings = audit_events();
  settings.ahead = 0;
  settings.table.name = std::string(54, 'a');
  CHECK(plan_of(settings, empty_table("2026-11-23")).steps.size() == 1);
  settings.table.name = std::string(55, 'a');
  const task::Plan plan = plan_of(settings, empty_table("2026-11-23"));
  CHECK(plan.steps.empty());
  CHECK(finding(plan, "name_too_long").severity == Severity::critical);
  CHECK(contains(finding(plan, "name_too_long").text, "64 bytes"));
  settings.table.name = "ä" + std::string(53, 'a');
  CHECK(plan_of(settings, empty_table("2026-11-23")).steps.empty());
}

TEST_CASE("rows in the default block their own range only") {
  Answers answers;
  answers.blocked = {false, true, false, false};
  const task::Plan plan = plan_of(audit_events(), empty_table("2026-11-23"), answers);
  CHECK(plan.steps.size() == 3);
  const task::Finding& blocked = finding(plan, "default_blocks");
  CHECK(blocked.severity == Severity::critical);
  CHECK(blocked.subject == "public.audit_events_y2026m12");
  CHECK(contains(blocked.text, "FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')"));
  CHECK(contains(blocked.text, "the default partition of public.audit_events"));
}

TEST_CASE("a role that may not create is told once what it lacks") {
  Snapshot snapshot = empty_table("2026-11-23");
  snapshot.table.owned = false;
  const task::Plan plan = plan_of(audit_events(), snapshot);
  CHECK(plan.steps.empty());
  CHECK(codes(plan.findings) == Words{"not_owner"});
  CHECK(plan.findings[0].severity == Severity::critical);
  CHECK(contains(plan.findings[0].text, "set database.role to its owner owner"));

  snapshot.table.owned = true;
  snapshot.table.may_create = false;
  CHECK(contains(finding(plan_of(audit_events(), snapshot), "not_owner").text,
                 "GRANT USAGE, CREATE ON SCHEMA \"public\" TO caretaker"));
  snapshot.table.owned = false;
  attach_months(snapshot, "2026-11-01", 4);
  CHECK(plan_of(audit_events(), snapshot).findings.empty());
}

TEST_CASE("with create_function ownership does not matter, nor do names") {
  Snapshot snapshot = empty_table("2026-11-23");
  snapshot.table.owned = false;
  config::Partition settings = audit_events();
  settings.create_function = {"public", "ensure"};
  Answers answers;
  answers.taken_names["audit_events_y2026m12"] = "a view";
  const task::Plan plan = plan_of(settings, snapshot, answers);
  CHECK(plan.steps.size() == 4);
  CHECK(plan.findings.empty());
}

TEST_CASE("a standby is watched only") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2020-01-01", 2);
  snapshot.in_recovery = true;
  const task::Plan plan = plan_of(audit_events_for_a_year(), snapshot);
  CHECK(plan.steps.empty());
  CHECK(finding(plan, "in_recovery").severity == Severity::info);
  CHECK(plan.details.json()["missing"].size() == 4);
}

TEST_CASE("what would expire at once is not created") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach(snapshot, "late", "2026-11-10", "2026-12-01");
  config::Partition settings = audit_events_for_a_year();
  settings.ahead = 0;
  CHECK(subjects(plan_of(settings, snapshot)) == Words{"create public.audit_events_y2026m11"});
  settings.retention = std::chrono::days{13};  // exactly until the gap's end
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(plan.steps.empty());
  CHECK(plan.details.json()["missing"].empty());
}

TEST_CASE("a clock that jumps only moves the window") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2026-11-01", 4);
  config::Partition settings = audit_events();
  settings.ahead = 0;
  snapshot.now = at("2031-06-15");
  CHECK(subjects(plan_of(settings, snapshot)) == Words{"create public.audit_events_y2031m06"});
  snapshot.now = at("2019-06-15");
  CHECK(subjects(plan_of(settings, snapshot)) == Words{"create public.audit_events_y2019m06"});
}

TEST_CASE("many findings of one kind become a number") {
  config::Partition settings = audit_events();
  settings.table.name = std::string(60, 'a');
  settings.ahead = 99;
  const task::Plan plan = plan_of(settings, empty_table("2026-11-23"));
  REQUIRE(plan.findings.size() == 6);
  CHECK(plan.findings[5].text == "and 95 more like this");
  CHECK(plan.findings[5].severity == Severity::critical);
}
