// SPDX-License-Identifier: Apache-2.0
// Which closed partitions are frozen, and when the table is analyzed.
#include "partition/afterwards.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using partition::Aftermath;
using partition::Closed;
using partition::Unfrozen;

namespace {

constexpr std::string_view as_of = "2026-11-23 14:00";

/// Months from January 2026 to three ahead of November, of 1000 rows each up to October.
partition::Snapshot full_table() {
  partition::Snapshot snapshot = empty_table(as_of);
  attach_months(snapshot, "2026-01-01", 14);
  for (std::size_t i = 0; i < 10; ++i) {
    snapshot.partitions[i].rows = 1000;
  }
  for (std::size_t i = 10; i < 14; ++i) {
    snapshot.partitions[i].rows = 0;
  }
  return snapshot;
}

std::vector<Closed> closed_of(const config::Partition& settings,
                              const partition::Snapshot& snapshot, const task::Plan& plan = {},
                              const std::set<std::int64_t>& frozen = {}) {
  return partition::closed_partitions(settings, snapshot, make_draft(settings, snapshot), {}, plan,
                                      frozen);
}

/// "audit_events_y2026m10 since audit_events_y2027m02"
Words shown(const std::vector<Closed>& closed) {
  Words result;
  for (const Closed& each : closed) {
    result.push_back(each.observed.name.name + " since " + each.later.name);
  }
  return result;
}

/// Everything is known: analyzed just now, with all rows counted.
Aftermath settled(const partition::Snapshot& snapshot) {
  Aftermath aftermath;
  aftermath.server_version = 150000;
  aftermath.statistics = partition::TableStatistics{partition::counted_rows(snapshot), snapshot.now,
                                                    false, true, 6400};
  return aftermath;
}

task::Plan planned(const partition::Snapshot& snapshot, const Aftermath& aftermath,
                   const config::Partition& settings = audit_events()) {
  task::Plan plan;
  partition::plan_afterwards(settings, snapshot, make_draft(settings, snapshot),
                             closed_of(settings, snapshot), aftermath, plan);
  return plan;
}

}  // namespace

TEST_CASE("a partition has been closed since the window reached its last partition of that time") {
  const Words closed = shown(closed_of(audit_events(), full_table()));
  REQUIRE(closed.size() == 10);
  CHECK(closed.front() == "audit_events_y2026m01 since audit_events_y2026m05");
  CHECK(closed.back() == "audit_events_y2026m10 since audit_events_y2027m02");
}

TEST_CASE("a bound that is reached this very moment closes") {
  partition::Snapshot snapshot = empty_table("2026-12-01 00:00");
  attach_months(snapshot, "2026-11-01", 5);
  CHECK(shown(closed_of(audit_events(), snapshot)) ==
        Words{"audit_events_y2026m11 since audit_events_y2027m03"});
  snapshot.now -= UtcTime::duration{1};
  CHECK(shown(closed_of(audit_events(), snapshot)).empty());
}

TEST_CASE("a later partition that this pass creates counts, one that nothing creates does not") {
  partition::Snapshot snapshot = empty_table(as_of);
  attach_months(snapshot, "2026-10-01", 3);
  CHECK(closed_of(audit_events(), snapshot).empty());
  const std::vector<Closed> closed =
      closed_of(audit_events(), snapshot, plan_of(audit_events(), snapshot));
  REQUIRE(shown(closed) == Words{"audit_events_y2026m10 since audit_events_y2027m02"});
  CHECK(closed[0].later.schema == "public");
  CHECK(closed[0].later_oid == 0);
}

TEST_CASE("a longer partition that holds the window's end will do, and other shapes are left out") {
  partition::Snapshot snapshot = empty_table(as_of);
  attach_months(snapshot, "2026-08-01", 4);
  attach(snapshot, "next", "2026-12-01", "2028-01-01");
  attach_text(snapshot, "rest", "DEFAULT");
  snapshot.partitions[0].kind = 'f';
  snapshot.partitions[1].detach_pending = true;
  CHECK(shown(closed_of(audit_events(), snapshot)) == Words{"audit_events_y2026m10 since next"});
}

TEST_CASE("what is known to be frozen, expired or in another step's hands is not asked about") {
  const partition::Snapshot snapshot = full_table();
  config::Partition settings = audit_events();
  CHECK(closed_of(settings, snapshot, {}, {2000, 2001}).size() == 8);
  task::Plan plan;
  plan.steps.emplace_back();
  plan.steps.back().subject = "public.audit_events_y2026m10";
  CHECK(closed_of(settings, snapshot, plan).size() == 9);
  settings.retention = std::chrono::days{60};
  settings.expire = config::Expire::drop;
  CHECK(shown(closed_of(settings, snapshot)).front() ==
        "audit_events_y2026m09 since audit_events_y2027m01");
}

TEST_CASE("an expired partition that hold_query keeps is frozen like any other") {
  const partition::Snapshot snapshot = full_table();
  config::Partition settings = audit_events();
  settings.retention = std::chrono::days{60};
  settings.expire = config::Expire::drop;
  settings.hold_query = "SELECT true";
  partition::Answers answers;
  answers.holds[2000] = {true, ""};
  answers.holds[2001] = {false, ""};
  const auto closed = partition::closed_partitions(
      settings, snapshot, make_draft(settings, snapshot), answers, task::Plan{}, {});
  CHECK(closed.front().observed.oid == 2000);
  CHECK(closed[1].observed.oid == 2002);
}

TEST_CASE("what is unfrozen is frozen oldest first, ten in a pass, before the table is analyzed") {
  const partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->rows.reset();
  for (const partition::ObservedPartition& each : snapshot.partitions) {
    aftermath.unfrozen[each.oid] = Unfrozen{true, true, 1000};
  }
  SUBCASE("ten") {
    const task::Plan plan = planned(snapshot, aftermath);
    REQUIRE(plan.steps.size() == 11);
    CHECK(acts(plan).front() == "freeze public.audit_events_y2026m01");
    CHECK(acts(plan)[9] == "freeze public.audit_events_y2026m10");
    CHECK(acts(plan).back() == "analyze public.audit_events");
    CHECK(plan.findings.empty());
  }
  SUBCASE("not an eleventh") {
    partition::Snapshot later = snapshot;
    later.now = at("2026-12-02");
    attach_months(later, "2027-03-01", 1);
    const Words words = acts(planned(later, aftermath));
    CHECK(words.size() == 11);
    CHECK(words[9] == "freeze public.audit_events_y2026m10");
  }
}

TEST_CASE("a freeze says what it locks, can be undone by nobody missing it, and cuts off nothing") {
  const partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.unfrozen[2009] = Unfrozen{true, true, 1000};
  const task::Plan plan = planned(snapshot, aftermath);
  REQUIRE(plan.steps.size() == 1);
  const task::Step& step = plan.steps[0];
  CHECK(
      step.statements.back().sql ==
      "VACUUM (FREEZE, ANALYZE, TRUNCATE false, PARALLEL 0) \"public\".\"audit_events_y2026m10\"");
  CHECK(step.lock == "SHARE UPDATE EXCLUSIVE on public.audit_events_y2026m10");
  CHECK(step.locks == std::vector<pg::WantedLock>{{2009, pg::LockMode::share_update_exclusive}});
  CHECK(step.reversible);
  CHECK_FALSE(step.by_age);
  CHECK(step.urgency == "relaxed");
  CHECK(step.effort.patience.count() == 0);
  CHECK(contains(step.reason, "closed 2026-11-01"));
  CHECK(partition::is_afterwards(step));
}

TEST_CASE("each thing that keeps from freezing is said once for the table") {
  const partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.unfrozen[2007] = Unfrozen{true, true, 0};
  aftermath.unfrozen[2008] = Unfrozen{true, true, 0};
  aftermath.unfrozen[2009] = Unfrozen{true, true, 0};
  SUBCASE("no privilege") {
    aftermath.unfrozen[2008].may_vacuum = false;
    aftermath.unfrozen[2009].may_vacuum = false;
    const task::Plan plan = planned(snapshot, aftermath);
    CHECK(acts(plan) == Words{"freeze public.audit_events_y2026m08"});
    CHECK(codes(plan.findings) == Words{"may_not_freeze"});
    CHECK(contains(plan.findings[0].text, "public.audit_events_y2026m09 and 1 more"));
    CHECK(plan.findings[0].severity == task::Severity::info);
  }
  SUBCASE("an old transaction") {
    aftermath.unfrozen[2009].passed = false;
    aftermath.holder = "prepared transaction \"a\"";
    const task::Plan plan = planned(snapshot, aftermath);
    CHECK(plan.steps.size() == 2);
    CHECK(codes(plan.findings) == Words{"freeze_held_back"});
    CHECK(contains(plan.findings[0].text, "prepared transaction \"a\""));
    CHECK(plan.findings[0].severity == task::Severity::info);
  }
  SUBCASE("hidden transactions") {
    aftermath.sees_all = false;
    const task::Plan plan = planned(snapshot, aftermath);
    CHECK(plan.steps.empty());
    CHECK(codes(plan.findings) == Words{"horizon_hidden"});
  }
}

TEST_CASE("a table is analyzed when it never was and has rows") {
  partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->rows.reset();
  aftermath.statistics->analyzed.reset();
  CHECK(acts(planned(snapshot, aftermath)) == Words{"analyze public.audit_events"});
  for (partition::ObservedPartition& each : snapshot.partitions) {
    each.rows.reset();
  }
  CHECK(acts(planned(snapshot, aftermath)) == Words{});
  aftermath.statistics->has_rows = true;
  CHECK(acts(planned(snapshot, aftermath)) == Words{"analyze public.audit_events"});
}

TEST_CASE("when nobody knows when it was analyzed, it is once more, unless it is empty") {
  partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->analyzed.reset();
  const task::Plan plan = planned(snapshot, aftermath);
  CHECK(acts(plan) == Words{"analyze public.audit_events"});
  CHECK(contains(plan.steps.at(0).reason, "do not tell any more"));
  for (partition::ObservedPartition& each : snapshot.partitions) {
    each.rows = 0;
  }
  CHECK(acts(planned(snapshot, aftermath)) == Words{});
}

TEST_CASE("a tenth of the rows in partitions that have closed since makes it due") {
  partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  // 1000 of 10,000 rows closed on the first of November, and the threshold is 1050.
  aftermath.statistics->analyzed = at("2026-10-31");
  CHECK(planned(snapshot, aftermath).steps.empty());
  snapshot.partitions[9].rows = 1060;
  CHECK(planned(snapshot, aftermath).steps.size() == 1);
  aftermath.statistics->analyzed = at("2026-11-01");
  CHECK(planned(snapshot, aftermath).steps.empty());
  // What fills up now has not closed.
  snapshot.partitions[10].rows = 100'000;
  CHECK(planned(snapshot, aftermath).steps.empty());
}

TEST_CASE("a partition that is frozen in this pass counts with what its rows will come to") {
  partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->analyzed = at("2026-10-31");
  snapshot.partitions[9].rows = 10;
  aftermath.unfrozen[2009] = Unfrozen{true, true, 5000};
  CHECK(planned(snapshot, aftermath).steps.size() == 2);
  aftermath.unfrozen[2009].live_rows = 10;
  CHECK(planned(snapshot, aftermath).steps.size() == 1);
  snapshot.partitions[9].rows.reset();
  aftermath.unfrozen[2009].live_rows = 0;
  CHECK(planned(snapshot, aftermath).steps.size() == 2);
}

TEST_CASE("a tenth of the rows gone makes it due, but not sooner than a day after the last time") {
  const partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->rows = 12'000;
  CHECK(planned(snapshot, aftermath).steps.empty());
  aftermath.statistics->analyzed = at("2026-11-22");
  CHECK(planned(snapshot, aftermath).steps.size() == 1);
  aftermath.statistics->rows = 11'000;
  CHECK(planned(snapshot, aftermath).steps.empty());
  // Where a partition was never counted, less is no sign of anything.
  aftermath.statistics->rows = 12'000;
  partition::Snapshot uncounted = snapshot;
  uncounted.partitions[5].rows.reset();
  CHECK(planned(uncounted, aftermath).steps.empty());
  // One that is to come has none, and nobody ever counts it.
  uncounted = snapshot;
  uncounted.partitions[13].rows.reset();
  CHECK(planned(uncounted, aftermath).steps.size() == 1);
}

TEST_CASE("a server that keeps no statistics is not analyzed again in every pass") {
  const partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->analyzed.reset();
  CHECK(planned(snapshot, aftermath).steps.size() == 1);
  aftermath.statistics->are_kept = false;
  CHECK(planned(snapshot, aftermath).steps.empty());
}

TEST_CASE("from 18 on only the table itself is analyzed") {
  const partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->rows.reset();
  CHECK(planned(snapshot, aftermath).steps.at(0).statements.back().sql ==
        "ANALYZE \"public\".\"audit_events\"");
  aftermath.server_version = 180000;
  CHECK(planned(snapshot, aftermath).steps.at(0).statements.back().sql ==
        "ANALYZE ONLY \"public\".\"audit_events\"");
}

TEST_CASE(
    "no privilege, foreign tables and too few locks keep from an analysis, and that is said") {
  partition::Snapshot snapshot = full_table();
  Aftermath aftermath = settled(snapshot);
  aftermath.statistics->rows.reset();
  std::string why;
  SUBCASE("privilege") {
    aftermath.statistics->may_analyze = false;
    why = "role caretaker may not";
  }
  SUBCASE("foreign") {
    snapshot.partitions[3].kind = 'f';
    why = "foreign tables";
  }
  SUBCASE("locks") {
    aftermath.statistics->lock_space = 27;
    why = "lock all 14 partitions";
  }
  const task::Plan plan = planned(snapshot, aftermath);
  CHECK(plan.steps.empty());
  REQUIRE(codes(plan.findings) == Words{"may_not_analyze"});
  CHECK(contains(plan.findings[0].text, why));
  CHECK(plan.findings[0].severity == task::Severity::info);
}
