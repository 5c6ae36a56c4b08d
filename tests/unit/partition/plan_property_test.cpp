// SPDX-License-Identifier: Apache-2.0
// Properties that hold for every table: a plan carried out leaves nothing to plan, nothing
// overlaps, and the window is covered.
#include <algorithm>
#include <random>

#include "audit_table.hpp"
#include "partition/create_steps.hpp"
#include "partition/retire_steps.hpp"
#include "partition/window.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using partition::Snapshot;
using partition::TimeRange;

namespace {

constexpr int rounds = 3000;

class Chance {
 public:
  explicit Chance(unsigned seed) : engine_{seed} {}
  long long number(long long least, long long most) {
    return std::uniform_int_distribution<long long>{least, most}(engine_);
  }
  bool one_in(int n) { return number(1, n) == 1; }

 private:
  std::mt19937 engine_;
};

config::Partition random_settings(Chance& chance) {
  config::Partition settings = audit_events();
  settings.interval = {static_cast<config::IntervalUnit>(chance.number(0, 5)),
                       static_cast<int>(chance.number(1, 15))};
  settings.name = "{table}_%Y%m%d%H";
  settings.ahead = static_cast<int>(chance.number(0, 12));
  settings.max_drops = 1000;
  if (chance.one_in(2)) {
    settings.retention = std::chrono::hours{chance.number(0, 1000 * 24)};
    settings.expire = chance.one_in(2) ? config::Expire::drop : config::Expire::detach;
  }
  return settings;
}

const char* random_key(Chance& chance, const config::Interval& interval) {
  if (interval.unit != config::IntervalUnit::hour && chance.one_in(3)) return "date";
  return chance.one_in(2) ? "timestamp without time zone" : "timestamp with time zone";
}

/// Aligned and odd partitions around now, as chance has it, without overlaps.
void attach_random(Chance& chance, const config::Partition& settings, Snapshot& snapshot) {
  const bool date = snapshot.table.key_type == "date";
  UtcTime from = snapshot.now - std::chrono::days{chance.number(0, 2000)};
  const long long count = chance.number(0, 30);
  for (long long i = 0; i < count; ++i) {
    const bool aligned = chance.one_in(2);
    TimeRange range{from, from + std::chrono::hours{chance.number(24, 24 * 90)}};
    if (aligned) {
      range = partition::interval_after(settings.interval,
                                        partition::interval_containing(settings.interval, from));
    }
    if (date) {
      range = {
          std::chrono::floor<std::chrono::days>(range.lower) + std::chrono::days{aligned ? 0 : 1},
          std::chrono::floor<std::chrono::days>(range.upper) + std::chrono::days{aligned ? 0 : 2}};
    }
    const auto key = partition::key_type(snapshot.table.key_type).value();
    attach_text(snapshot, "p" + std::to_string(i), partition::bounds_clause(key, range)).kind =
        chance.one_in(9) ? 'f' : 'r';
    from = range.upper + std::chrono::hours{chance.one_in(2) ? 0 : chance.number(24, 24 * 60)};
  }
}

/// What the steps' own SQL would make of the catalog.
Snapshot carried_out(Snapshot snapshot, const task::Plan& plan) {
  for (const task::Step& step : plan.steps) {
    if (step.action == "create") {
      for (const task::Statement& sent : step.statements) {
        if (sent.name != partition::statement::attach) continue;
        const auto name_end = sent.sql.find("\"\n");
        const auto name = sent.sql.rfind('"', name_end - 1) + 1;
        attach_text(snapshot, sent.sql.substr(name, name_end - name),
                    sent.sql.substr(sent.sql.find("FOR VALUES")));
      }
      continue;
    }
    if (step.action == "mark" || step.action == "guard" || step.action == "drop") continue;
    const auto gone = std::find_if(
        snapshot.partitions.begin(), snapshot.partitions.end(),
        [&](const partition::ObservedPartition& p) { return p.name.text() == step.subject; });
    REQUIRE(gone != snapshot.partitions.end());
    snapshot.partitions.erase(gone);
  }
  return snapshot;
}

void check_no_overlap(const Snapshot& snapshot) {
  auto members = partition::layout(snapshot.partitions);
  for (std::size_t i = 1; i < members.size(); ++i) {
    CHECK(members[i - 1].range.upper <= members[i].range.lower);
  }
}

void check_window_covered(const config::Partition& settings, const Snapshot& snapshot) {
  const auto draft = partition::make_draft(settings, snapshot);
  const auto gaps = partition::gaps(settings.interval, settings.ahead, snapshot.now,
                                    partition::cover_of(draft.members));
  for (const partition::Gap& gap : gaps) {
    REQUIRE(draft.retention.has_value());
    CHECK(gap.range.upper <= draft.retention->cutoff);
  }
  CHECK(draft.covered_until >= draft.window.upper);
}

}  // namespace

TEST_CASE("a plan carried out covers the window, overlaps nothing and leaves nothing to plan") {
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    Chance chance{static_cast<unsigned>(round)};
    const config::Partition settings = random_settings(chance);
    CAPTURE(settings.interval.text());
    Snapshot snapshot = empty_table("1990-01-01");
    snapshot.now += std::chrono::minutes{chance.number(0, 60LL * 24 * 365 * 60)};
    CAPTURE(partition::time_text(snapshot.now));
    snapshot.table.key_type = random_key(chance, settings.interval);
    attach_random(chance, settings, snapshot);
    check_no_overlap(snapshot);

    const task::Plan plan = plan_of(settings, snapshot);
    const Snapshot after = carried_out(snapshot, plan);
    check_no_overlap(after);
    check_window_covered(settings, after);
    const task::Plan again = plan_of(settings, after);
    CHECK(subjects(again) == Words{});
  }
}

TEST_CASE("nothing that still takes rows of now or later is ever retired") {
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    Chance chance{static_cast<unsigned>(round + rounds)};
    config::Partition settings = random_settings(chance);
    settings.retention = Duration{chance.number(-1'000'000'000, 1'000'000'000'000)};
    settings.expire = config::Expire::drop;
    Snapshot snapshot = empty_table("2026-11-23");
    snapshot.retention.days = chance.number(-10, 2000);
    attach_random(chance, settings, snapshot);
    const Snapshot after = carried_out(snapshot, plan_of(settings, snapshot));
    for (const partition::Member& member : partition::layout(snapshot.partitions)) {
      const bool kept = std::any_of(after.partitions.begin(), after.partitions.end(),
                                    [&](const auto& p) { return p.oid == member.observed.oid; });
      const UtcTime ceiling = snapshot.now - *settings.retention;
      if (member.range.upper > snapshot.now) CHECK(kept);
      if (!kept) CHECK((member.range.upper <= ceiling || snapshot.retention.days >= 1));
    }
  }
}
