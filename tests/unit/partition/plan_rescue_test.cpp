// SPDX-License-Identifier: Apache-2.0
// What a plan makes of rows in the default partition.
#include "audit_table.hpp"
#include "partition/guard.hpp"
#include "partition/rescue.hpp"
#include "partition/rescue_refusal.hpp"
#include "partition/rescue_steps.hpp"
#include "partition/window.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using partition::Answers;
using partition::Snapshot;
using partition::Stranded;
using task::Severity;
using namespace std::chrono_literals;

namespace {

/// November to February attached, and a default that holds rows.
Snapshot stranded_table() {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2026-11-01", 4);
  attach_text(snapshot, "audit_events_default", "DEFAULT").bytes = 1 << 20;
  snapshot.default_rows = partition::DefaultRows{12, false, ""};
  return snapshot;
}

Stranded month(const std::string& lower, const std::string& upper, const std::string& name) {
  return Stranded{range(lower, upper), name, 12};
}

Answers stranded_october() {
  Answers answers;
  answers.contents.columns = {"id", "occurred_at"};
  answers.contents.stranded = {month("2026-10-01", "2026-11-01", "audit_events_y2026m10")};
  return answers;
}

std::string text_of(const task::Step& step, std::string_view name) {
  std::string text;
  for (const task::Statement& sent : step.statements) {
    if (sent.name == name) text += sent.sql + "\n";
  }
  return text;
}

Words names_of(const task::Step& step) {
  Words names;
  for (const task::Statement& sent : step.statements) {
    names.push_back(sent.name);
  }
  return names;
}

}  // namespace

TEST_CASE("rows of a month outside the window are drained into a partition of it") {
  const task::Plan plan = plan_of(audit_events(), stranded_table(), stranded_october());
  REQUIRE(subjects(plan) == Words{"drain public.audit_events_y2026m10"});
  const task::Step& step = plan.steps[0];
  CHECK(step.reason ==
        "12 rows of 2026-10-01 to 2026-11-01 lie in the default partition (1024 kB in all)");
  CHECK(step.urgency == "relaxed");
  CHECK(step.rows == 12);
  CHECK(contains(step.lock, "ACCESS EXCLUSIVE on public.audit_events, "));
  CHECK(names_of(step) == Words{"partition.lock", "partition.lock", "partition.guard",
                                "partition.create", "partition.fence", "partition.move",
                                "partition.move", "partition.prove_moved", "partition.swap_lock",
                                "partition.move", "partition.liken", "partition.liken",
                                "partition.attach", "partition.fence", "partition.liken",
                                "partition.verify_likeness"});
  CHECK(contains(text_of(step, "partition.move"),
                 "DELETE FROM ONLY \"public\".\"audit_events_default\" WHERE \"occurred_at\" >= "
                 "timestamptz '2026-10-01 00:00:00+00' AND \"occurred_at\" < timestamptz "
                 "'2026-11-01 00:00:00+00'\n  RETURNING \"id\", \"occurred_at\""));
  CHECK(contains(text_of(step, "partition.attach"), "FOR VALUES FROM ('2026-10-01 00:00:00+00')"));
}

TEST_CASE("the parent is locked before the default, both times") {
  const task::Plan plan = plan_of(audit_events(), stranded_table(), stranded_october());
  const std::string first = text_of(plan.steps.at(0), "partition.lock");
  CHECK(first.find("\"audit_events\"") < first.find("\"audit_events_default\""));
  CHECK(contains(text_of(plan.steps[0], "partition.swap_lock"),
                 "LOCK TABLE ONLY \"public\".\"audit_events\", ONLY "
                 "\"public\".\"audit_events_default\" IN ACCESS EXCLUSIVE MODE"));
}

TEST_CASE("what blocks a missing partition is drained first, and creation leaves it to that") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.erase(snapshot.partitions.begin() + 1, snapshot.partitions.begin() + 3);
  Answers answers = stranded_october();
  answers.blocked = {true, false};
  answers.contents.stranded.push_back(month("2026-12-01", "2027-01-01", "audit_events_y2026m12"));
  const task::Plan plan = plan_of(audit_events(), snapshot, answers);
  CHECK(subjects(plan) == Words{"drain public.audit_events_y2026m12",
                                "create public.audit_events_y2027m01",
                                "drain public.audit_events_y2026m10"});
  CHECK(plan.steps[0].urgency == "pressed");
  CHECK(plan.steps[2].urgency == "relaxed");
  CHECK(codes(plan.findings) == Words{"default_rows"});
}

TEST_CASE("what is needed later is drained after what is created before it") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.erase(snapshot.partitions.begin() + 1, snapshot.partitions.begin() + 3);
  Answers answers = stranded_october();
  answers.contents.stranded = {month("2027-01-01", "2027-02-01", "audit_events_y2027m01")};
  answers.blocked = {false, true};
  const task::Plan plan = plan_of(audit_events(), snapshot, answers);
  CHECK(subjects(plan) ==
        Words{"create public.audit_events_y2026m12", "drain public.audit_events_y2027m01"});
  CHECK(plan.steps[1].urgency == "pressed");
}

TEST_CASE("what blocks a missing partition is as urgent as that") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.erase(snapshot.partitions.begin() + 1, snapshot.partitions.begin() + 3);
  Answers answers = stranded_october();
  answers.contents.stranded = {month("2026-12-01", "2027-01-01", "audit_events_y2026m12")};
  answers.blocked = {true, false};
  config::Partition settings = audit_events();
  const auto first = [&](const char* now) {
    snapshot.now = at(now);
    return plan_of(settings, snapshot, answers).steps.at(0);
  };
  // With rows moved already the longest wait stays below what the server takes for a deadlock.
  CHECK(first("2026-11-30 22:00").urgency == "forced");
  CHECK(first("2026-11-30 22:00").effort == pg::LockEffort{50ms, 10min, {50ms, 250ms, 900ms}});
  CHECK(first("2026-12-01 01:00").effort.patience == 0s);
  CHECK(first("2026-11-20").effort == pg::LockEffort{50ms, 10min, {50ms}});
  settings.default_partition = config::DefaultPartition::adopt;
  snapshot.now = at("2026-11-30 22:00");
  const task::Step adopted = plan_of(settings, snapshot, answers).steps.back();
  CHECK(adopted.action == "adopt");
  CHECK(adopted.effort == pg::LockEffort{50ms, 10min, {50ms, 250ms, 30s}});
}

TEST_CASE("report moves nothing, and says what is blocked") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.erase(snapshot.partitions.begin() + 1);
  Answers answers = stranded_october();
  answers.blocked = {true};
  config::Partition settings = audit_events();
  settings.default_partition = config::DefaultPartition::report;
  const task::Plan plan = plan_of(settings, snapshot, answers);
  CHECK(plan.steps.empty());
  CHECK(codes(plan.findings) == Words{"default_blocks", "default_rows"});
  CHECK(contains(finding(plan, "default_rows").text, "set default_partition to"));
}

TEST_CASE("what nobody needs soon stays where moving it would lock the table for long") {
  Snapshot snapshot = stranded_table();
  const auto partition =
      std::ranges::find(snapshot.partitions, "DEFAULT", &partition::ObservedPartition::bounds);
  config::Partition settings = audit_events();
  Answers answers = stranded_october();
  std::string words;
  SUBCASE("200 MB, read twice") {
    partition->bytes = 200 << 20;
    words = "about 400ms";
  }
  SUBCASE("rows that nobody has counted") {
    partition->bytes = 0;
    snapshot.default_rows->estimated = true;
    words = "not been counted yet";
  }
  const task::Plan plan = plan_of(settings, snapshot, answers);
  CHECK(subjects(plan) == Words{});
  CHECK(contains(finding(plan, "not_rescued").text, words));
  CHECK(finding(plan, "not_rescued").severity == Severity::warning);
  if (partition->bytes == 0) return;
  settings.lock_timeout = 400ms;
  CHECK(subjects(plan_of(settings, snapshot, answers)) ==
        Words{"drain public.audit_events_y2026m10"});
  // In the way of a missing partition it has to move, whatever that takes.
  settings.lock_timeout = 50ms;
  answers.contents.stranded = {month("2027-03-01", "2027-04-01", "audit_events_y2027m03")};
  settings.ahead = 4;
  CHECK(subjects(plan_of(settings, snapshot, answers)) ==
        Words{"drain public.audit_events_y2027m03"});
}

TEST_CASE("an expired range is drained too, so that retention takes it as a partition") {
  config::Partition settings = audit_events_for_a_year();
  Answers answers = stranded_october();
  answers.contents.stranded = {month("2020-01-01", "2020-02-01", "audit_events_y2020m01")};
  const task::Plan plan = plan_of(settings, stranded_table(), answers);
  REQUIRE(subjects(plan) == Words{"drain public.audit_events_y2020m01"});
  CHECK(contains(plan.steps[0].reason, "past retention, which takes them as a partition"));
}

TEST_CASE("what forbids a drain is one finding, and blocked ranges stay findings") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.erase(snapshot.partitions.begin() + 1);
  Answers answers = stranded_october();
  answers.blocked = {true};
  config::Partition settings = audit_events();
  std::string expected;
  SUBCASE("a trigger on DELETE") {
    answers.contents.intruders = {"trigger append_only (public.refuse)"};
    expected = "trigger append_only (public.refuse) would act on each row";
  }
  SUBCASE("a foreign key that points to the table") {
    snapshot.table.referencing = {{77, "public.acks"}};
    expected = "public.acks has a foreign key to the table";
  }
  SUBCASE("somebody else's default partition") {
    snapshot.partitions.back().owned = false;
    expected = "set database.role to the owner of both, owner";
  }
  SUBCASE("a default that is partitioned itself") {
    snapshot.partitions.back().kind = 'p';
    expected = "it is not a plain table";
  }
  SUBCASE("partitions made by a function") {
    settings.create_function = {"public", "ensure"};
    expected = "create_function makes its partitions";
  }
  const task::Plan plan = plan_of(settings, snapshot, answers);
  CHECK(plan.steps.empty());
  CHECK(finding(plan, "not_rescued").severity == Severity::warning);
  CHECK_MESSAGE(contains(finding(plan, "not_rescued").text, expected),
                finding(plan, "not_rescued").text);
  CHECK(finding(plan, "default_blocks").severity == Severity::critical);
}

TEST_CASE("what forbids draining one range stops no other") {
  Answers answers = stranded_october();
  answers.contents.stranded.push_back(month("2026-09-01", "2026-10-01", "audit_events_y2026m09"));
  std::string expected;
  SUBCASE("its name is taken") {
    answers.taken_names["audit_events_y2026m10"] = "a view or type";
    expected = "a view or type has it";
  }
  SUBCASE("it has too many rows") {
    answers.contents.stranded[0].rows = partition::most_moved + 1;
    expected = "too many for one transaction";
  }
  SUBCASE("an earlier range gets the same name") {
    answers.contents.stranded[0].name = "audit_events_y2026m09";
    answers.contents.stranded[0].rows = 1;
    std::swap(answers.contents.stranded[0], answers.contents.stranded[1]);
    expected = "an earlier range has the same name";
  }
  const task::Plan plan = plan_of(audit_events(), stranded_table(), answers);
  CHECK(subjects(plan) == Words{"drain public.audit_events_y2026m09"});
  CHECK(finding(plan, "not_rescued").severity == Severity::critical);
  CHECK_MESSAGE(contains(finding(plan, "not_rescued").text, expected),
                finding(plan, "not_rescued").text);
}

TEST_CASE("what could not be read of the default is said, and the rest is drained") {
  Answers answers = stranded_october();
  answers.contents.error = "canceling statement due to statement timeout";
  const task::Plan plan = plan_of(audit_events(), stranded_table(), answers);
  CHECK(plan.steps.size() == 1);
  CHECK(contains(finding(plan, "stranded_unreadable").text, "statement timeout"));
}

TEST_CASE("the free piece around a row is cut at intervals and at what is taken") {
  const std::vector<partition::TimeRange> taken{range("2026-10-05", "2026-10-10"),
                                                range("2026-10-20", "2026-11-15")};
  CHECK(partition::free_piece({}, at("2026-10-02"), taken) == range("2026-10-01", "2026-10-05"));
  CHECK(partition::free_piece({}, at("2026-10-10"), taken) == range("2026-10-10", "2026-10-20"));
  CHECK(partition::free_piece({}, at("2026-11-15"), taken) == range("2026-11-15", "2026-12-01"));
  CHECK(partition::free_piece({}, at("2026-10-05"), taken) == std::nullopt);
  CHECK(partition::free_piece({}, at("2026-12-31"), taken) == range("2026-12-01", "2027-01-01"));
}

TEST_CASE("a refused move names PostgreSQL's words and another way") {
  const task::Plan plan = plan_of(audit_events(), stranded_table(), stranded_october());
  const task::Step& step = plan.steps.at(0);
  const pg::Error refused{pg::Error::Kind::refused, "audit rows are for ever", "P0001",
                          "partition.move"};
  const auto applied = partition::after_refused_rescue(audit_events(), step, refused);
  REQUIRE(applied.has_value());
  CHECK(applied->findings[0].severity == Severity::critical);
  CHECK(contains(applied->findings[0].text, "audit rows are for ever"));
  CHECK(contains(applied->findings[0].text, "\"adopt\""));
  const pg::Error elsewhere{pg::Error::Kind::refused, "no", "P0001", "partition.liken"};
  CHECK_FALSE(partition::after_refused_rescue(audit_events(), step, elsewhere).has_value());
  const auto unequal =
      partition::after_failed_rescue(audit_events(), step, {"partition.prove_moved"});
  CHECK(unequal.findings[0].code == "not_rescued");
}

namespace {

config::Partition adopting() {
  config::Partition settings = audit_events();
  settings.default_partition = config::DefaultPartition::adopt;
  return settings;
}

/// Missing from January on, behind a default of this size.
Snapshot behind_default(std::int64_t bytes) {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2026-11-01", 2);
  attach_text(snapshot, "audit_events_default", "DEFAULT").bytes = bytes;
  snapshot.default_rows = partition::DefaultRows{50'000'000, true, ""};
  return snapshot;
}

constexpr std::int64_t large = 64 << 20;

}  // namespace

TEST_CASE("rows of several months make the default one partition of them all") {
  Answers answers = stranded_october();
  answers.contents.stranded.insert(answers.contents.stranded.begin(),
                                   month("2026-07-01", "2026-08-01", "audit_events_y2026m07"));
  answers.contents.intruders = {"trigger append_only (public.refuse)"};
  const task::Plan plan = plan_of(adopting(), stranded_table(), answers);
  REQUIRE(subjects(plan) == Words{"adopt public.audit_events_y2026m07"});
  const task::Step& step = plan.steps[0];
  CHECK(contains(text_of(step, "partition.raise_guard"),
                 "CHECK (\"occurred_at\" IS NOT NULL AND \"occurred_at\" >= timestamptz "
                 "'2026-07-01 00:00:00+00' AND \"occurred_at\" < timestamptz '2026-11-01 "
                 "00:00:00+00') NOT VALID"));
  const std::string swap = text_of(step, "partition.swap");
  CHECK(contains(swap, "DETACH PARTITION \"public\".\"audit_events_default\"\n"));
  CHECK(contains(swap, "RENAME TO \"audit_events_y2026m07\""));
  CHECK(contains(swap, "ATTACH PARTITION \"public\".\"audit_events_default\" DEFAULT"));
  CHECK(text_of(step, "partition.move").empty());
  CHECK(codes(plan.findings) == Words{"default_rows"});
}

TEST_CASE("adoption comes after the partitions whose rows its guard would refuse") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.erase(snapshot.partitions.begin(), snapshot.partitions.begin() + 2);
  Answers answers;
  answers.blocked = {true, false};
  answers.contents.columns = {"id", "occurred_at"};
  answers.contents.stranded = {month("2026-11-01", "2026-12-01", "audit_events_y2026m11")};
  const task::Plan plan = plan_of(adopting(), snapshot, answers);
  REQUIRE(subjects(plan) ==
          Words{"create public.audit_events_y2026m12", "adopt public.audit_events_y2026m11"});
  CHECK(contains(plan.steps[1].statements[0].sql,
                 "ARRAY['FOR VALUES FROM (''2026-12-01 00:00:00+00'') TO (''2027-01-01 "
                 "00:00:00+00'')']::text[])) = 1"));
}

TEST_CASE("what cannot be adopted as one range is drained, and why is said") {
  Snapshot snapshot = stranded_table();
  Answers answers = stranded_october();
  std::string expected;
  SUBCASE("rows on both sides of a partition") {
    answers.contents.stranded.push_back(month("2027-03-01", "2027-04-01", "audit_events_y2027m03"));
    expected = "both sides of public.audit_events_y2026m11";
  }
  SUBCASE("ranges that were not all read") {
    answers.contents.error = "statement timeout";
    expected = "not all of its ranges could be read";
  }
  SUBCASE("a default in another schema") {
    snapshot.partitions.back().name.schema = "elsewhere";
    expected = "another schema";
  }
  const task::Plan plan = plan_of(adopting(), snapshot, answers);
  CHECK(subjects(plan)[0] == "drain public.audit_events_y2026m10");
  CHECK_MESSAGE(contains(finding(plan, "not_adopted").text, expected),
                finding(plan, "not_adopted").text);
}

TEST_CASE("no guard is raised on a default that cannot be read in time") {
  Snapshot snapshot = stranded_table();
  snapshot.partitions.back().bytes = 70'000'000'000;
  const task::Plan plan = plan_of(adopting(), snapshot, stranded_october());
  CHECK(subjects(plan) == Words{});
  CHECK(contains(finding(plan, "not_adopted").text, "it is too large (68359375 kB)"));
  for (const task::Step& step : plan_of(audit_events(), behind_default(70'000'000'000)).steps) {
    CHECK(text_of(step, "partition.raise_guard").empty());
  }
}

TEST_CASE("behind a large default, months that nobody writes to are attached behind a guard") {
  const task::Plan plan = plan_of(audit_events(), behind_default(large));
  REQUIRE(subjects(plan) ==
          Words{"create public.audit_events_y2027m01, public.audit_events_y2027m02"});
  CHECK(contains(text_of(plan.steps[0], "partition.raise_guard"),
                 "CHECK (\"occurred_at\" < timestamptz '2027-01-01 00:00:00+00' OR "
                 "\"occurred_at\" >= timestamptz '2027-03-01 00:00:00+00') NOT VALID"));
  CHECK(plan.steps[0].statements.back().name == "partition.drop_guard");
  CHECK(plan_of(audit_events(), behind_default(large - 1)).steps.size() == 2);
}

TEST_CASE("no guard is raised where a row might have nowhere else to go") {
  Snapshot snapshot = behind_default(large);
  Answers answers;
  config::Partition settings = audit_events();
  settings.default_partition = config::DefaultPartition::report;
  std::string guarded;
  SUBCASE("a month that begins in less than a day") {
    snapshot.now = at("2026-12-31 00:00:01");
    settings.ahead = 2;
    guarded = "create public.audit_events_y2027m02";
  }
  SUBCASE("rows that lie further ahead") {
    answers.contents.stranded = {month("2028-01-01", "2028-02-01", "audit_events_y2028m01")};
  }
  SUBCASE("ranges of the default that could not be read") {
    answers.contents.error = "statement timeout";
  }
  SUBCASE("a default whose rows could not be counted") {
    snapshot.default_rows->error = "lock timeout";
  }
  SUBCASE("a window about to end, where waiting longer is worse") {
    snapshot.partitions.erase(snapshot.partitions.begin(), snapshot.partitions.begin() + 2);
    settings.ahead = 3;
  }
  for (const task::Step& step : plan_of(settings, snapshot, answers).steps) {
    CAPTURE(step.subject);
    CHECK(text_of(step, "partition.raise_guard").empty() ==
          (step.action + " " + step.subject != guarded));
  }
}

TEST_CASE("a guard that was left is dropped before all else, with everything else going on") {
  Answers answers = stranded_october();
  answers.contents.guards = {"pgcaretaker_guard"};
  answers.contents.guards_refuse = true;
  const task::Plan plan = plan_of(audit_events(), stranded_table(), answers);
  CHECK(subjects(plan) ==
        Words{"unguard public.audit_events_default", "drain public.audit_events_y2026m10"});
  CHECK(plan.steps[0].urgency == "forced");
  CHECK(plan.steps[0].effort.patience == 10s);
  CHECK(plan.steps[0].statements[0].sql ==
        "ALTER TABLE \"public\".\"audit_events_default\" DROP CONSTRAINT IF EXISTS "
        "\"pgcaretaker_guard\"");
}

TEST_CASE("nobody waits for long for a guard to go that refuses nothing yet") {
  Answers answers;
  answers.contents.guards = {"pgcaretaker_guard"};
  Snapshot snapshot = behind_default(large);
  CHECK(plan_of(audit_events(), snapshot, answers).steps.at(0).urgency == "pressed");
  snapshot.now = at("2026-12-31 12:00");  // what it stands in the way of is needed now
  CHECK(plan_of(audit_events(), snapshot, answers).steps.at(0).urgency == "forced");
}

TEST_CASE("what a step raised is taken back from the table it was raised on") {
  const task::Plan plan = plan_of(adopting(), stranded_table(), stranded_october());
  CHECK(partition::taken_back(plan.steps.at(0)).sql ==
        "ALTER TABLE \"public\".\"audit_events_default\" DROP CONSTRAINT IF EXISTS "
        "pgcaretaker_guard");
  CHECK(contains(partition::guard_left(plan.steps[0]).text, "DROP CONSTRAINT"));
}
