// SPDX-License-Identifier: Apache-2.0
// The closer the end of the window, the harder a step tries.
#include "partition/urgency.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using namespace std::chrono_literals;
using test::at;
using test::attach_months;
using test::empty_table;
using test::range;
using test::Words;

namespace {

using Durations = std::vector<Duration>;

/// Three months ahead in a month of 30 days, looked at every 6 h.
Urgency urgency(std::string_view now, std::string_view free_from) {
  return creation_urgency(test::audit_events(), at(now), at(free_from));
}

partition::Snapshot with_default(partition::Snapshot snapshot) {
  test::attach_text(snapshot, "audit_events_default", "DEFAULT");
  return snapshot;
}

}  // namespace

TEST_CASE("creation is relaxed while more than an interval is left at the next pass") {
  CHECK(urgency("2026-11-23", "2027-02-01") == Urgency::relaxed);
  CHECK(urgency("2026-11-30 17:59", "2026-12-31") == Urgency::relaxed);
  CHECK(urgency("2026-11-30 18:01", "2026-12-31") == Urgency::pressed);
  CHECK(urgency("2026-11-27 17:59", "2026-12-01") == Urgency::pressed);
  CHECK(urgency("2026-11-27 18:01", "2026-12-01") == Urgency::forced);
  CHECK(urgency("2026-12-15", "2026-12-01") == Urgency::forced);
}

TEST_CASE("the rungs of the ladder are configuration") {
  config::Partition settings = test::audit_events();
  settings.press_below = 0;
  settings.force_below = 0;
  const auto left = [&](const char* free_from) {
    return creation_urgency(settings, at("2026-11-23"), at(free_from));
  };
  CHECK(left("2026-11-23 06:00") == Urgency::relaxed);
  CHECK(left("2026-11-23 05:59") == Urgency::forced);
  settings.force_timeout = 0s;
  CHECK(left("2026-11-23 05:59") == Urgency::pressed);
  settings.press_below = 3;
  CHECK(left("2027-02-01") == Urgency::pressed);
}

TEST_CASE("retirement is pressed when overdue by more than the partition's length, never forced") {
  const TimeRange october = range("2025-10-01", "2025-11-01");
  CHECK(retirement_urgency(october, at("2025-11-01")) == Urgency::relaxed);
  CHECK(retirement_urgency(october, at("2025-12-02")) == Urgency::relaxed);
  CHECK(retirement_urgency(october, at("2025-12-02 00:01")) == Urgency::pressed);
  CHECK(retirement_urgency(october, at("2036-12-02")) == Urgency::pressed);
}

TEST_CASE("what each urgency may cost others") {
  config::Partition settings = test::audit_events();
  CHECK(effort_of(settings, Urgency::relaxed).insistence == Durations{});
  CHECK(effort_of(settings, Urgency::pressed).insistence == Durations{50ms});
  CHECK(effort_of(settings, Urgency::forced).insistence == Durations{50ms, 250ms, 30s});
  settings.force_timeout = 100ms;
  CHECK(effort_of(settings, Urgency::forced).insistence == Durations{50ms, 100ms});
  CHECK(effort_of(settings, Urgency::forced).patience == 10min);
}

TEST_CASE("effort in words") {
  config::Partition settings = test::audit_events();
  const auto text = [&](Urgency level) { return pg::effort_text(effort_of(settings, level)); };
  const std::string looks =
      "looks for up to 10m for a moment without anyone older than 50ms in the way";
  CHECK(text(Urgency::relaxed) == looks);
  CHECK(text(Urgency::forced) ==
        looks + ", then asks for 50ms, then 250ms, then 30s whoever is in the way");
  settings.patience = 0s;
  CHECK(text(Urgency::relaxed) == "asks for 50ms if nobody older than 50ms is in the way");
  CHECK(text(Urgency::pressed) == "asks for 50ms whoever is in the way");
}

TEST_CASE("with time to spare each partition is a step, as the window ends all are one") {
  partition::Snapshot snapshot = empty_table("2026-11-15");
  attach_months(snapshot, "2026-11-01", 3);
  const task::Plan relaxed = test::plan_of(test::audit_events(), with_default(snapshot));
  CHECK(test::subjects(relaxed) == Words{"create public.audit_events_y2027m02"});
  CHECK(relaxed.steps[0].urgency == "relaxed");
  snapshot.now = at("2027-01-31");
  const task::Plan forced = test::plan_of(test::audit_events(), with_default(snapshot));
  CHECK(test::subjects(forced) ==
        Words{"create public.audit_events_y2027m02, public.audit_events_y2027m03, "
              "public.audit_events_y2027m04"});
  CHECK(forced.steps[0].urgency == "forced");
  CHECK(forced.steps[0].effort.insistence.back() == 30s);
  CHECK(forced.steps[0].effort.patience == 10min);
  snapshot.now = at("2027-02-03");
  snapshot.now = at("2027-01-31 23:55");
  const task::Plan soon = test::plan_of(test::audit_events(), with_default(snapshot));
  CHECK(soon.steps.at(0).effort.patience == 4min);  // then there is a minute to ask in
  snapshot.now = at("2027-02-03");
  const task::Plan late = test::plan_of(test::audit_events(), with_default(snapshot));
  CHECK(late.steps.at(0).effort.patience == 0s);  // rows go to the default already
  snapshot.now = at("2027-01-31");
  const task::Plan without = test::plan_of(test::audit_events(), snapshot);
  CHECK(without.steps.size() == 3);
  CHECK(without.steps[2].urgency == "forced");
}

TEST_CASE("no more are made at once than there is time for under the lock") {
  partition::Snapshot snapshot = empty_table("2026-11-15");
  attach_months(snapshot, "2026-11-01", 1);
  config::Partition settings = test::audit_events();
  settings.ahead = 1000;
  snapshot.now = at("2026-11-30");
  const auto most = [&] {
    const task::Plan plan = test::plan_of(settings, with_default(snapshot));
    CHECK(plan.steps.at(0).urgency == "forced");
    return std::ranges::count(plan.steps.at(0).statements, "partition.attach",
                              &task::Statement::name);
  };
  CHECK(most() == 200);  // 5 ms each
  snapshot.table.referenced.push_back({1, "public.zones"});
  CHECK(most() == 90);
  attach_months(snapshot, "2100-01-01", 3000);
  CHECK(most() == 10);
}
