// SPDX-License-Identifier: Apache-2.0
// Plans of tables whose key is a uuid or a number: which key it is, what is refused, and that
// nothing overlaps or goes too early, whatever stands between two instants.
#include <random>

#include "audit_table.hpp"
#include "partition/create_steps.hpp"
#include "partition/key_choice.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using config::KeyForm;
using partition::Key;
using partition::Snapshot;

namespace {

config::Partition keyed(KeyForm form) {
  config::Partition settings = audit_events_for_a_year();
  settings.key = form;
  return settings;
}

Snapshot table_of(std::string type, std::string_view now = "2026-11-23 14:00") {
  Snapshot snapshot = empty_table(now);
  snapshot.table.key_column = "id";
  snapshot.table.key_type = std::move(type);
  return snapshot;
}

Key key_of(const config::Partition& settings, const Snapshot& snapshot) {
  const partition::KeyChoice choice = partition::choose_key(settings, snapshot.table);
  REQUIRE(choice.problem.empty());
  return choice.key;
}

void attach_as(const config::Partition& settings, Snapshot& snapshot, std::string name,
               std::string_view lower, std::string_view upper) {
  attach_text(snapshot, std::move(name),
              partition::bounds_clause(key_of(settings, snapshot), range(lower, upper)));
}

struct Raw {
  std::int64_t lower;
  std::int64_t upper;
};

std::string clause(const Raw& raw) {
  return "FOR VALUES FROM ('" + std::to_string(raw.lower) + "') TO ('" + std::to_string(raw.upper) +
         "')";
}

Raw raw_of(const std::string& sql) {
  const auto from = sql.find("FROM ('") + 7;
  const auto to = sql.find("TO ('") + 5;
  return {std::stoll(sql.substr(from)), std::stoll(sql.substr(to))};
}

/// `FOR VALUES ...` of a creating step.
std::string attached(const task::Plan& plan, std::size_t step) {
  for (const task::Statement& sent : plan.steps.at(step).statements) {
    if (sent.name == partition::statement::attach) return sent.sql.substr(sent.sql.find("FOR "));
  }
  return "";
}

/// What the creating steps attach.
std::vector<Raw> created(const task::Plan& plan) {
  std::vector<Raw> result;
  for (const task::Step& step : plan.steps) {
    for (const task::Statement& sent : step.statements) {
      if (sent.name == partition::statement::attach) result.push_back(raw_of(sent.sql));
    }
  }
  return result;
}

std::vector<Raw> random_set(std::mt19937_64& engine, std::int64_t now, std::int64_t month) {
  const auto number = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>{least, most}(engine);
  };
  std::vector<Raw> result;
  std::int64_t from = now - number(0, 20) * month + number(-5, 5);
  const auto count = number(1, 12);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t upper = from + number(1 << 23, 3 * month);
    if (number(0, 1) == 0) upper = upper >> 22 << 22;
    result.push_back({from, upper});
    from = upper + (number(0, 1) == 0 ? 0 : number(1, 2 * month));
  }
  return result;
}

}  // namespace

TEST_CASE("the column's type and the settings choose the key, or say what to type") {
  struct Case {
    const char* type;
    KeyForm form;
    const char* problem;
  };
  const Case cases[] = {
      {"timestamp with time zone", KeyForm::automatic, ""},
      {"date", KeyForm::seconds, "key = \"seconds\" does not fit: take key out"},
      {"date", KeyForm::uuidv7, "key = \"uuidv7\" does not fit: take key out"},
      {"uuid", KeyForm::automatic, ""},
      {"uuid", KeyForm::uuidv7, ""},
      {"uuid", KeyForm::snowflake, "key = \"snowflake\" does not fit: take key out"},
      {"bigint", KeyForm::automatic, "set key to \"seconds\", \"milliseconds\""},
      {"bigint", KeyForm::uuidv7, "set key to \"seconds\", \"milliseconds\""},
      {"bigint", KeyForm::seconds, ""},
      {"bigint", KeyForm::milliseconds, ""},
      {"bigint", KeyForm::microseconds, ""},
      {"bigint", KeyForm::snowflake, ""},
      {"integer", KeyForm::automatic, "set key to \"seconds\""},
      {"integer", KeyForm::seconds, ""},
      {"integer", KeyForm::milliseconds, "key = \"milliseconds\" needs a bigint"},
      {"integer", KeyForm::snowflake, "key = \"snowflake\" needs a bigint"},
      {"numeric", KeyForm::seconds, "only date, timestamp, timestamptz, uuid, bigint and integer"},
      {"text", KeyForm::automatic, "only date, timestamp, timestamptz, uuid, bigint and integer"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type);
    CAPTURE(static_cast<int>(c.form));
    const task::Plan plan = plan_of(keyed(c.form), table_of(c.type));
    if (*c.problem == '\0') {
      CHECK(subjects(plan).size() == 4);
      CHECK(codes(plan.findings) == Words{});
      continue;
    }
    CHECK(subjects(plan) == Words{});
    REQUIRE(codes(plan.findings) == Words{"unsupported_key"});
    CHECK(plan.findings[0].severity == task::Severity::critical);
    CHECK(contains(plan.findings[0].text, c.problem));
  }
}

TEST_CASE("a uuid table gets bounds of version 7, and a set keeps the tail that it has") {
  const config::Partition settings = keyed(KeyForm::automatic);
  Snapshot snapshot = table_of("uuid");
  CHECK(attached(plan_of(settings, snapshot), 0) ==
        "FOR VALUES FROM ('01a19467-e800-0000-0000-000000000000') TO "
        "('01a22ee6-b000-0000-0000-000000000000')");
  attach_text(snapshot, "november",
              "FOR VALUES FROM ('01a19467-e800-7000-0000-000000000000') TO "
              "('01a22ee6-b000-7000-0000-000000000000')");
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(attached(plan, 0) ==
        "FOR VALUES FROM ('01a22ee6-b000-7000-0000-000000000000') TO "
        "('01a2ce8b-d400-7000-0000-000000000000')");
  CHECK(codes(plan.findings) == Words{});
}

TEST_CASE("numbers in a unit that the settings do not say stop everything") {
  const auto stopped = [](KeyForm written, KeyForm read, UtcTime epoch = {}) {
    Snapshot snapshot = table_of("bigint");
    config::Partition settings = keyed(written);
    for (const char* month : {"2024-01-01", "2026-10-01", "2026-11-01", "2026-12-01"}) {
      const auto interval = partition::interval_containing({}, at(month));
      attach_as(settings, snapshot, month, month, partition::time_text(interval.upper));
    }
    CHECK(codes(plan_of(settings, snapshot).findings) == Words{});
    settings.key = read;
    settings.key_epoch = epoch;
    const task::Plan plan = plan_of(settings, snapshot);
    const bool is_stopped = plan.steps.empty() && codes(plan.findings) == Words{"key_mismatch"};
    if (is_stopped) CHECK(plan.findings[0].severity == task::Severity::critical);
    return is_stopped;
  };
  const KeyForm forms[] = {KeyForm::seconds, KeyForm::milliseconds, KeyForm::microseconds,
                           KeyForm::snowflake};
  for (const KeyForm written : forms) {
    for (const KeyForm read : forms) {
      CAPTURE(static_cast<int>(written));
      CAPTURE(static_cast<int>(read));
      CHECK(stopped(written, read) == (written != read));
    }
  }
  CHECK(stopped(KeyForm::snowflake, KeyForm::snowflake, at("2015-01-01")));
}

TEST_CASE("what a wrong unit makes of a set is said with its newest partition") {
  Snapshot snapshot = table_of("bigint");
  attach_as(keyed(KeyForm::seconds), snapshot, "november", "2026-11-01", "2026-12-01");
  const task::Plan plan = plan_of(keyed(KeyForm::milliseconds), snapshot);
  CHECK(finding(plan, "key_mismatch").text ==
        "by key = \"milliseconds\" no partition is within a year of now, public.november ends at "
        "1970-01-21 18:54:43: nothing is done until key, key_shift and key_epoch say what its "
        "column holds, or, if they do, until a partition for now is attached by hand");
  Snapshot later = table_of("bigint");
  attach_as(keyed(KeyForm::milliseconds), later, "november", "2026-11-01", "2026-12-01");
  CHECK(contains(finding(plan_of(keyed(KeyForm::seconds), later), "key_mismatch").text,
                 "public.november begins at the end of the calendar"));
}

TEST_CASE("an integer of seconds ends in 2038, and that is said as soon as the window gets there") {
  const config::Partition settings = keyed(KeyForm::seconds);
  CHECK(codes(plan_of(settings, table_of("integer", "2037-09-30")).findings) == Words{});
  const task::Plan plan = plan_of(settings, table_of("integer", "2037-12-31"));
  CHECK(subjects(plan) ==
        Words{"create public.audit_events_y2037m12", "create public.audit_events_y2038m01"});
  CHECK(contains(attached(plan, 1), "TO (2147483647)"));
  CHECK(contains(finding(plan, "key_range").text,
                 "holds no time after 2038-01-19 03:14:07, and the window reaches 2038-04-01"));
  CHECK(finding(plan, "key_range").severity == task::Severity::critical);
  CHECK(codes(plan_of(keyed(KeyForm::seconds), table_of("bigint", "2037-12-31")).findings) ==
        Words{});
}

TEST_CASE("nothing is created before the epoch") {
  config::Partition settings = keyed(KeyForm::snowflake);
  settings.key_epoch = at("2026-11-15 06:00");
  const task::Plan plan = plan_of(settings, table_of("bigint"));
  CHECK(contains(attached(plan, 0), "FROM ('0') TO"));
  CHECK(codes(plan.findings) == Words{"odd_bounds"});
  settings.key_epoch = at("2027-01-01");
  CHECK(contains(finding(plan_of(settings, table_of("bigint")), "key_range").text,
                 "counts from 2027-01-01, which is yet to come: mend key_epoch"));
}

TEST_CASE("bounds between two instants are left alone, said, and end the window") {
  config::Partition settings = keyed(KeyForm::snowflake);
  settings.ahead = 0;
  Snapshot snapshot = table_of("bigint");
  const Key key = key_of(settings, snapshot);
  const auto value = [&](const char* time) {
    return std::stoll(partition::bound_literal(key, at(time)));
  };
  attach_text(snapshot, "old", clause({value("2020-01-01") + 1, value("2020-02-01")}));
  attach_text(snapshot, "now", clause({value("2026-11-01"), value("2026-12-01") + 1}));
  const task::Plan plan = plan_of(settings, snapshot);
  CHECK(subjects(plan) == Words{});
  CHECK(finding(plan, "unrecognised").severity == task::Severity::warning);
  CHECK(finding(plan, "unrecognised").text ==
        "2 partitions are bounded by values of no instant and left alone, though past retention: "
        "public.old, public.now");
  CHECK(partition::make_draft(settings, snapshot).covered_until == at("2026-12-01"));
  attach_text(snapshot, "next", clause({value("2026-12-01") + 1, value("2027-01-01")}));
  CHECK(partition::make_draft(settings, snapshot).covered_until == at("2027-01-01"));
}

TEST_CASE(
    "whatever numbers a set is cut at, nothing overlaps, nothing goes early, and it settles") {
  config::Partition settings = keyed(KeyForm::snowflake);
  settings.name = "{table}_%Y%m%d%H%j";
  settings.max_drops = 1000;
  const Key key = key_of(settings, table_of("bigint"));
  const std::int64_t now = std::stoll(partition::bound_literal(key, at("2026-11-23 14:00")));
  const std::int64_t month =
      std::stoll(partition::bound_literal(key, at("1970-01-01") + std::chrono::days{30}));
  std::mt19937_64 engine{9};
  int steps = 0;
  for (int round = 0; round < 2000; ++round) {
    CAPTURE(round);
    Snapshot snapshot = table_of("bigint");
    std::vector<Raw> all = random_set(engine, now, month);
    for (const Raw& raw : all) {
      attach_text(snapshot, "p" + std::to_string(snapshot.partitions.size()), clause(raw));
    }
    const task::Plan plan = plan_of(settings, snapshot);
    for (const task::Step& step : plan.steps) {
      ++steps;
      if (step.action != "drop") continue;
      const auto index = static_cast<std::size_t>(std::stoi(step.subject.substr(8)));
      CHECK(all[index].upper <= now - 365 * month / 30);
    }
    for (const Raw& raw : created(plan)) {
      for (const Raw& other : all) {
        CHECK((raw.upper <= other.lower || raw.lower >= other.upper));
      }
      all.push_back(raw);
      attach_text(snapshot, "n" + std::to_string(snapshot.partitions.size()), clause(raw));
    }
    for (const std::string& subject : subjects(plan_of(settings, snapshot))) {
      CHECK(subject.starts_with("drop"));
    }
  }
  CHECK(steps > 2000);
}
