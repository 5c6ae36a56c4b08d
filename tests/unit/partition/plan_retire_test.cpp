// SPDX-License-Identifier: Apache-2.0
// Which partitions a plan retires, and what keeps it from doing so.
#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using partition::Answers;
using partition::Hold;
using partition::Snapshot;
using task::Severity;

namespace {

/// A full window and `old` months before it, seen on 2026-11-23.
Snapshot with_old_months(int old) {
  Snapshot snapshot = empty_table("2026-11-23");
  const auto first = std::chrono::year_month{std::chrono::year{2026}, std::chrono::November} -
                     std::chrono::months{old};
  attach_months(snapshot, partition::time_text(std::chrono::sys_days{first / 1}), old + 4);
  return snapshot;
}

Snapshot with_upper_bound(std::string_view now, std::string_view upper) {
  Snapshot snapshot = with_old_months(0);
  attach(snapshot, "old", "2020-01-01", upper);
  snapshot.now = at(now);
  return snapshot;
}

}  // namespace

TEST_CASE("a partition goes when its upper bound is as old as the retention, not before") {
  struct Case {
    std::string now;
    std::string upper;
    int steps;
  };
  const Case cases[] = {
      {"2026-11-23", "2025-11-23", 1},        // upper == cutoff
      {"2026-11-22 23:59", "2025-11-23", 0},  // a minute short of it
      {"2026-11-23 00:01", "2025-11-23", 1},  //
      {"2026-11-23", "2025-11-23 00:01", 0},  //
      {"2028-02-29", "2027-03-02", 0},        // 365 days back over no leap day
      {"2028-02-29", "2027-03-01", 1},        //
      {"2029-02-28", "2028-02-29", 1},        // 365 days back over the leap day
      {"2029-02-28", "2028-03-01", 0},        //
  };
  for (const Case& c : cases) {
    CAPTURE(c.now);
    CAPTURE(c.upper);
    config::Partition settings = audit_events_for_a_year();
    const task::Plan plan = plan_of(settings, with_upper_bound(c.now, c.upper));
    const auto all = subjects(plan);
    CHECK(std::count(all.begin(), all.end(), "drop public.old") == c.steps);
  }
}

TEST_CASE("oldest first, creation before all of it, no more than max_drops") {
  Snapshot snapshot = with_old_months(16);
  snapshot.partitions.pop_back();
  std::reverse(snapshot.partitions.begin(), snapshot.partitions.end());
  config::Partition settings = audit_events_for_a_year();
  CHECK(subjects(plan_of(settings, snapshot)) ==
        Words{"create public.audit_events_y2027m02", "drop public.audit_events_y2025m07",
              "drop public.audit_events_y2025m08", "drop public.audit_events_y2025m09",
              "drop public.audit_events_y2025m10"});
  settings.max_drops = 2;
  CHECK(subjects(plan_of(settings, snapshot)) == Words{"create public.audit_events_y2027m02",
                                                       "drop public.audit_events_y2025m07",
                                                       "drop public.audit_events_y2025m08"});
}

TEST_CASE("max_drops = 0 keeps everything, and says so") {
  Snapshot snapshot = with_old_months(16);
  config::Partition settings = audit_events_for_a_year();
  settings.max_drops = 0;
  SUBCASE("drop") {}
  SUBCASE("archive") {
    settings.expire = config::Expire::archive;
  }
  SUBCASE("drop_function") {
    settings.drop_function = {"public", "audit_drop"};
  }
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(plan.steps.empty());
  REQUIRE(codes(plan.findings) == Words{"retention_paused"});
  CHECK(plan.findings[0].severity == Severity::info);
  CHECK(contains(plan.findings[0].text, "4 partitions are past retention"));
  CHECK(plan_of(audit_events(), snapshot).findings.empty());
}

TEST_CASE("what max_drops leaves for later passes is said, once there is some") {
  config::Partition settings = audit_events_for_a_year();
  settings.max_drops = 4;
  CHECK(plan_of(settings, with_old_months(16)).findings.empty());
  settings.max_drops = 3;
  const task::Plan plan = plan_of(settings, with_old_months(16));
  REQUIRE(codes(plan.findings) == Words{"retention_backlog"});
  CHECK(plan.findings[0].severity == Severity::info);
  CHECK(plan.findings[0].text == "4 partitions are past retention; max_drops = 3 a pass");
  settings.hold_query = "SELECT false";
  Answers answers;
  for (const std::int64_t free : {2000, 2001, 2002}) {
    answers.holds[free] = Hold{false, ""};
  }
  CHECK(codes(plan_of(settings, with_old_months(16), answers).findings) ==
        Words{"retention_backlog"});
  answers.holds[2003] = Hold{true, ""};
  CHECK(plan_of(settings, with_old_months(16), answers).findings.empty());
}

TEST_CASE("no retention, no retirement") {
  CHECK(plan_of(audit_events(), with_old_months(50)).steps.empty());
}

TEST_CASE("the current and future partitions stay, whatever the retention says") {
  config::Partition settings = audit_events_for_a_year();
  for (const auto keep : {Duration{0}, Duration{1}, Duration{-1'000'000'000'000}}) {
    settings.retention = keep;
    const task::Plan plan = plan_of(settings, with_old_months(1));
    CHECK(subjects(plan) == Words{"drop public.audit_events_y2026m10"});
  }
}

TEST_CASE("the default, foreign, sub-partitioned, unbounded and pending ones are never retired") {
  Snapshot snapshot = with_old_months(0);
  attach(snapshot, "foreign", "2020-01-01", "2020-02-01").kind = 'f';
  attach(snapshot, "sub", "2020-02-01", "2020-03-01").kind = 'p';
  attach(snapshot, "pending", "2020-03-01", "2020-04-01").detach_pending = true;
  attach_text(snapshot, "past", "FOR VALUES FROM (MINVALUE) TO ('2020-01-01 00:00:00+00')");
  attach_text(snapshot, "default", "DEFAULT");
  attach_text(snapshot, "list", "FOR VALUES IN ('2020-05-01 00:00:00+00')");
  const task::Plan plan = plan_of(audit_events_for_a_year(), snapshot);
  CHECK(plan.steps.empty());
  CHECK(codes(plan.findings) ==
        Words{"unrecognised", "unrecognised", "unrecognised", "unrecognised", "detach_pending"});
  CHECK(plan.findings[0].severity == Severity::warning);
  CHECK(plan.findings[0].text ==
        "1 partition is foreign and left alone, though past retention: public.foreign");
}

TEST_CASE("retention_query shortens, never lengthens, and its failures leave the ceiling") {
  struct Case {
    std::optional<std::int64_t> days;
    const char* error;
    std::size_t drops;
    bool finding;
  };
  const Case cases[] = {
      {std::nullopt, "", 1, false},
      {365, "", 1, false},
      {366, "", 1, false},
      {400, "", 1, false},
      {9'000'000'000, "", 1, false},
      {334, "", 2, false},
      {30, "", 12, false},
      {1, "", 13, false},
      {0, "", 1, true},
      {-5, "", 1, true},
      {std::nullopt, "no such table", 1, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.days.value_or(-999));
    Snapshot snapshot = with_old_months(13);
    snapshot.retention.days = c.days;
    snapshot.retention.error = c.error;
    const task::Plan plan = plan_of(audit_events_for_a_year(), snapshot);
    CHECK(subjects(plan).size() == c.drops);
    CHECK(codes(plan.findings) == (c.finding ? Words{"retention_query"} : Words{}));
  }
}

TEST_CASE("a reason names the bound, the age, and who asked") {
  Snapshot snapshot = with_old_months(13);
  CHECK(plan_of(audit_events_for_a_year(), snapshot).steps[0].reason ==
        "upper bound 2025-11-01 is older than 365d");
  snapshot.retention.days = 90;
  CHECK(plan_of(audit_events_for_a_year(), snapshot).steps[0].reason ==
        "upper bound 2025-11-01 is older than 90d (retention_query)");
}

TEST_CASE("a table without expire keeps all it has") {
  config::Partition settings = audit_events_for_a_year();
  settings.expire = config::Expire::unset;
  CHECK(plan_of(settings, with_old_months(20)).steps.empty());
}

TEST_CASE("what is archived goes only after, and only as it was archived") {
  config::Partition settings = audit_events_for_a_year();
  settings.expire = config::Expire::archive;
  const task::Plan plan = plan_of(settings, with_old_months(13));
  REQUIRE(plan.steps.size() >= 2);
  const task::Step& archives = plan.steps[plan.steps.size() - 2];
  const task::Step& drops = plan.steps.back();
  CHECK(archives.action == "archive");
  CHECK(drops.action == "drop");
  CHECK(drops.reversible);
  CHECK(archives.by_age);
  const auto proof =
      std::ranges::find(drops.statements, "archive.unchanged", &task::Statement::name);
  REQUIRE(proof != drops.statements.end());
  CHECK(drops.statements.back().name == "partition.drop");
  for (const task::Step* step : {&archives, &drops}) {
    REQUIRE(step->target);
    CHECK(step->target->name.text() == step->subject);
    CHECK_FALSE(step->target->bounds.empty());
  }
  settings.expire = config::Expire::drop;
  const task::Plan direct = plan_of(settings, with_old_months(13));
  CHECK_FALSE(direct.steps.back().target);
  CHECK_FALSE(direct.steps.back().reversible);
}

TEST_CASE("a held partition stays, with its reason, and does not use up max_drops") {
  Snapshot snapshot = with_old_months(16);
  config::Partition settings = audit_events_for_a_year();
  settings.hold_query = "SELECT false";
  settings.max_drops = 2;
  Answers answers;
  answers.holds[2000] = Hold{true, ""};
  answers.holds[2001] = Hold{true, "division by zero"};
  answers.holds[2002] = Hold{false, ""};
  answers.holds[2003] = Hold{false, ""};
  const task::Plan plan = plan_of(settings, snapshot, answers);
  CHECK(subjects(plan) ==
        Words{"drop public.audit_events_y2025m09", "drop public.audit_events_y2025m10"});
  CHECK(codes(plan.findings) == Words{"held", "hold_query_failed"});
  CHECK(plan.findings[0].severity == Severity::info);
  CHECK(plan.findings[1].severity == Severity::critical);
  CHECK(contains(plan.findings[1].text, "division by zero"));
}

TEST_CASE("a partition that nobody asked about is held") {
  config::Partition settings = audit_events_for_a_year();
  settings.hold_query = "SELECT false";
  const task::Plan plan = plan_of(settings, with_old_months(16));
  CHECK(plan.steps.empty());
  CHECK(finding(plan, "held").text ==
        "4 more expired partitions wait behind those that hold_query keeps");
}

TEST_CASE("what our role does not own is left, said, and stops nothing else") {
  Snapshot snapshot = with_old_months(14);
  snapshot.partitions[0].owned = false;
  config::Partition settings = audit_events_for_a_year();
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(subjects(plan) == Words{"drop public.audit_events_y2025m10"});
  CHECK(finding(plan, "not_owner").subject == "public.audit_events_y2025m09");
  snapshot.table.owned = false;
  CHECK(plan_of(settings, snapshot).steps.empty());
  settings.drop_function = {"public", "audit_drop"};
  CHECK(subjects(plan_of(settings, snapshot)).size() == 2);
}

TEST_CASE("drop_function is for drop only") {
  Snapshot snapshot = with_old_months(13);
  config::Partition settings = audit_events_for_a_year();
  settings.drop_function = {"public", "audit_drop"};
  settings.expire = config::Expire::detach;
  CHECK(subjects(plan_of(settings, snapshot)) == Words{"detach public.audit_events_y2025m10"});
  snapshot.table.owned = false;
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(plan.steps.empty());
  CHECK(codes(plan.findings) == Words{"not_owner"});
}
