// SPDX-License-Identifier: Apache-2.0
// What a plan tells besides its steps: findings about the table, gauges, and the part of /status.
#include <cmath>

#include "audit_table.hpp"
#include "partition/findings.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using partition::Answers;
using partition::DefaultRows;
using partition::Snapshot;
using task::Severity;
using telemetry::Metric;

namespace {

std::optional<double> sample(const task::Plan& plan, Metric metric, const std::string& state = "") {
  for (const telemetry::Sample& found : plan.samples) {
    if (found.metric == metric && (state.empty() || found.labels.back() == state)) {
      CHECK(found.labels.front() == "public.audit_events");
      return found.value;
    }
  }
  return std::nullopt;
}

/// A full window with a default and one expired month, at noon.
Snapshot kept_table() {
  Snapshot snapshot = empty_table("2026-11-23 12:00");
  attach_months(snapshot, "2026-11-01", 4);
  attach_text(snapshot, "audit_events_default", "DEFAULT");
  attach(snapshot, "old", "2025-10-01", "2025-11-01");
  snapshot.default_rows = DefaultRows{0, false, ""};
  return snapshot;
}

}  // namespace

TEST_CASE("a table that cannot be kept is one critical finding that says what it is") {
  struct Case {
    const char* what;
    void (*spoil)(Snapshot&);
    const char* code;
    const char* words;
  };
  const Case cases[] = {
      {"absent", [](Snapshot& s) { s.table.oid = 0; }, "table_missing", "there is no such table"},
      {"plain", [](Snapshot& s) { s.table.kind = 'r'; }, "not_partitioned", "it is a plain table"},
      {"view", [](Snapshot& s) { s.table.kind = 'v'; }, "not_partitioned", "it is a view"},
      {"list", [](Snapshot& s) { s.table.strategy = 'l'; }, "unsupported_key",
       "partitioned by LIST"},
      {"hash", [](Snapshot& s) { s.table.strategy = 'h'; }, "unsupported_key",
       "partitioned by HASH"},
      {"two", [](Snapshot& s) { s.table.key_columns = 2; }, "unsupported_key", "by 2 columns"},
      {"expression", [](Snapshot& s) { s.table.key_column = ""; }, "unsupported_key",
       "an expression"},
      {"bigint", [](Snapshot& s) { s.table.key_type = "bigint"; }, "unsupported_key",
       "its key occurred_at is of type bigint"},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string{c.what});
    Snapshot snapshot = empty_table("2026-11-23");
    c.spoil(snapshot);
    const task::Plan plan = plan_of(audit_events(), snapshot);
    CHECK(plan.steps.empty());
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].severity == Severity::critical);
    CHECK(plan.findings[0].code == c.code);
    CHECK(plan.findings[0].subject == "public.audit_events");
    CHECK(contains(plan.findings[0].text, c.words));
    CHECK(sample(plan, Metric::partition_window_seconds) == 0);
    CHECK(plan.details.is_null());
  }
}

TEST_CASE("hours need a key with a time of day") {
  config::Partition settings = audit_events();
  settings.interval = {config::IntervalUnit::hour, 1};
  Snapshot snapshot = empty_table("2026-11-23");
  snapshot.table.key_type = "date";
  CHECK(codes(plan_of(settings, snapshot).findings) == Words{"unsupported_key"});
  settings.interval = {config::IntervalUnit::day, 1};
  settings.name = "{table}_%Y%m%d";
  CHECK(plan_of(settings, snapshot).findings.empty());
}

TEST_CASE("partitions are counted by state, the default not among them") {
  Snapshot snapshot = kept_table();
  attach(snapshot, "foreign", "2024-01-01", "2024-02-01").kind = 'f';
  snapshot.partitions.erase(snapshot.partitions.begin() + 2);
  const task::Plan plan = plan_of(audit_events_for_a_year(), snapshot);
  CHECK(sample(plan, Metric::partitions, "attached") == 3);
  CHECK(sample(plan, Metric::partitions, "expired") == 1);
  CHECK(sample(plan, Metric::partitions, "missing") == 1);
  CHECK(sample(plan, Metric::partitions, "unrecognised") == 1);
}

TEST_CASE("the window gauge is the unbroken cover from now on") {
  Snapshot snapshot = kept_table();
  CHECK(sample(plan_of(audit_events(), snapshot), Metric::partition_window_seconds) ==
        97.5 * 86400);
  snapshot.partitions[1].detach_pending = true;
  CHECK(sample(plan_of(audit_events(), snapshot), Metric::partition_window_seconds) == 7.5 * 86400);
  snapshot.partitions[0].detach_pending = true;
  CHECK(sample(plan_of(audit_events(), snapshot), Metric::partition_window_seconds) == 0);
  snapshot.partitions.clear();
  attach_text(snapshot, "all", "FOR VALUES FROM (MINVALUE) TO (MAXVALUE)");
  const task::Plan endless = plan_of(audit_events(), snapshot);
  CHECK(std::isinf(*sample(endless, Metric::partition_window_seconds)));
  CHECK(endless.details.json()["window_until"].is_null());
  CHECK(endless.details.json()["window_seconds"].is_null());
}

TEST_CASE("overdue is the age of the oldest expired partition that nothing holds") {
  Snapshot snapshot = kept_table();
  config::Partition settings = audit_events_for_a_year();
  const auto overdue = [&](const Answers& answers) {
    return sample(plan_of(settings, snapshot, answers),
                  Metric::partition_retention_overdue_seconds);
  };
  CHECK(overdue({}) == 22.5 * 86400);
  settings.hold_query = "SELECT true";
  CHECK(overdue({}) == 0);
  Answers answers;
  answers.holds[snapshot.partitions.back().oid] = {false, ""};
  CHECK(overdue(answers) == 22.5 * 86400);
  settings.retention.reset();
  CHECK(overdue(answers) == 0);
}

TEST_CASE("rows in the default are a warning with their number") {
  Snapshot snapshot = kept_table();
  CHECK(plan_of(audit_events(), snapshot).findings.empty());
  CHECK(sample(plan_of(audit_events(), snapshot), Metric::partition_default_rows) == 0);

  snapshot.default_rows = DefaultRows{12, false, ""};
  task::Plan plan = plan_of(audit_events(), snapshot);
  CHECK(finding(plan, "default_rows").severity == Severity::warning);
  CHECK(finding(plan, "default_rows").subject == "public.audit_events_default");
  CHECK(contains(finding(plan, "default_rows").text, "12 rows lie in the default"));
  CHECK(contains(finding(plan, "default_rows").text, "each pass moves what it can"));
  CHECK(sample(plan, Metric::partition_default_rows) == 12);

  config::Partition report_only = audit_events();
  report_only.default_partition = config::DefaultPartition::report;
  CHECK(contains(finding(plan_of(report_only, snapshot), "default_rows").text,
                 "or set default_partition to \"drain\""));

  snapshot.default_rows = DefaultRows{50000, true, ""};
  plan = plan_of(audit_events(), snapshot);
  CHECK(contains(finding(plan, "default_rows").text, "about 50000 rows"));
  CHECK(plan.details.json()["default"]["rows_are_estimate"] == true);

  snapshot.default_rows = DefaultRows{std::nullopt, true, "permission denied"};
  plan = plan_of(audit_events(), snapshot);
  CHECK(codes(plan.findings) == Words{"default_unreadable"});
  CHECK(std::isnan(sample(plan, Metric::partition_default_rows).value()));
  CHECK(plan.details.json()["default"]["rows"].is_null());
}

TEST_CASE("details have the shape that the page reads") {
  Snapshot snapshot = kept_table();
  snapshot.partitions.erase(snapshot.partitions.begin() + 3);
  snapshot.partitions[0].rows = 1204;
  snapshot.partitions[0].bytes = 8192;
  const auto details = plan_of(audit_events_for_a_year(), snapshot).details.json();
  CHECK(details["table"] == "public.audit_events");
  CHECK(details["interval"] == "1 month");
  CHECK(details["now"] == "2026-11-23T12:00:00Z");
  CHECK(details["window_until"] == "2027-02-01T00:00:00Z");
  CHECK(details["window_seconds"] == 69.5 * 86400);
  CHECK(details["default"]["name"] == "public.audit_events_default");
  CHECK(details["default"]["rows"] == 0);
  REQUIRE(details["partitions"].size() == 4);
  CHECK(details["partitions"][0]["name"] == "public.old");
  CHECK(details["partitions"][0]["state"] == "expired");
  CHECK(details["partitions"][0]["rows_estimate"].is_null());
  const auto& november = details["partitions"][1];
  CHECK(november["lower"] == "2026-11-01T00:00:00Z");
  CHECK(november["upper"] == "2026-12-01T00:00:00Z");
  CHECK(november["state"] == "attached");
  CHECK(november["rows_estimate"] == 1204);
  CHECK(november["bytes_estimate"] == 8192);
  REQUIRE(details["missing"].size() == 1);
  CHECK(details["missing"][0]["name"] == "public.audit_events_y2027m02");
  CHECK(details["missing"][0]["lower"] == "2027-02-01T00:00:00Z");
  CHECK(details["retention"]["cutoff"] == "2025-11-23T12:00:00Z");
  CHECK(details["retention"]["expired"] == 1);
  CHECK(plan_of(audit_events(), empty_table("2026-11-23")).details.json()["default"].is_null());
  CHECK(plan_of(audit_events(), snapshot).details.json()["retention"]["cutoff"].is_null());
}

TEST_CASE("odd partitions are named, a few of them") {
  Snapshot snapshot = empty_table("2026-11-23");
  attach_months(snapshot, "2026-11-01", 4);
  for (int i = 0; i < 5; ++i) {
    attach_text(snapshot, "list" + std::to_string(i), "FOR VALUES IN (1)");
  }
  const task::Plan plan = plan_of(audit_events(), snapshot);
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0].severity == Severity::info);
  CHECK(plan.findings[0].text ==
        "5 partitions are not readable as a time range and left alone: public.list0, public.list1, "
        "public.list2 and 2 more");
}
