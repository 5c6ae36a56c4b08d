// SPDX-License-Identifier: Apache-2.0
// What is said about pools: findings, gauges, /status.
#include <doctest/doctest.h>

#include <cmath>

#include "saturation/present.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::saturation;
using task::Severity;
using telemetry::Metric;

namespace {

PoolStatus api(Level level, Level rising_to) {
  PoolStatus status;
  status.pool.name = "api";
  status.limit = 20;
  status.used = 19;
  status.ratio = 0.95;
  status.level = level;
  status.rising_to = rising_to;
  status.states = {5, 2, 12, 0, 0};
  return status;
}

task::Plan presented(PoolStatus status) {
  Judgement judgement;
  judgement.pools.push_back(std::move(status));
  Snapshot snapshot;
  snapshot.sees_all_sessions = true;
  return present(judgement, snapshot, {});
}

double value(const task::Plan& plan, Metric metric, const std::string& state = "") {
  for (const auto& each : plan.samples) {
    if (each.metric == metric && (state.empty() || each.labels.at(1) == state)) return each.value;
  }
  FAIL("no such sample");
  return 0;
}

}  // namespace

TEST_CASE("a critical pool needs a person, and the finding says what fills it") {
  PoolStatus status = api(Level::critical, Level::critical);
  status.waiting = 4;
  status.oldest = OldestTransaction{751.9, 4711, "caracalapi", "api-3"};
  const auto plan = presented(status);
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0] ==
        task::Finding{Severity::critical, "pool_critical", "api",
                      "pool api holds 19 of 20 connections (95 %): 12 idle in transaction, 5 "
                      "active, 2 idle; 4 waiting for a lock; oldest transaction 12m 31s old, by "
                      "pid 4711, user caracalapi, application \"api-3\"; end what is not needed or "
                      "raise the limit"});
  CHECK(plan.steps.empty());
}

TEST_CASE("a pool at warn is a warning without an order") {
  const auto plan = presented(api(Level::warn, Level::warn));
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0] ==
        task::Finding{Severity::warning, "pool_warn", "api",
                      "pool api holds 19 of 20 connections (95 %): 12 idle in transaction, 5 "
                      "active, 2 idle"});
}

TEST_CASE("a level on its way up is worth reading before it counts") {
  const auto rising = presented(api(Level::ok, Level::critical));
  REQUIRE(rising.findings.size() == 1);
  CHECK(rising.findings[0].severity == Severity::info);
  CHECK(rising.findings[0].code == "pool_rising");
  CHECK(rising.findings[0].text.find("; critical when it lasts for 30s") != std::string::npos);
  const auto both = presented(api(Level::warn, Level::critical));
  REQUIRE(both.findings.size() == 2);
  CHECK(both.findings[0].code == "pool_warn");
  CHECK(both.findings[1].code == "pool_rising");
}

TEST_CASE("a quiet pool says nothing") {
  CHECK(presented(api(Level::ok, Level::ok)).findings.empty());
}

TEST_CASE("a percentage is never rounded up to a hundred") {
  PoolStatus status = api(Level::warn, Level::warn);
  status.ratio = 0.9999;
  CHECK(presented(status).findings[0].text.find("(99 %)") != std::string::npos);
}

TEST_CASE("every gauge of a pool is set") {
  PoolStatus status = api(Level::critical, Level::critical);
  status.waiting = 4;
  status.oldest = OldestTransaction{12.5, 1, "u", "a"};
  const auto plan = presented(status);
  CHECK(plan.samples.size() == session_states.size() + 5);
  CHECK(value(plan, Metric::pool_connections, "idle_in_transaction") == 12);
  CHECK(value(plan, Metric::pool_connections, "other") == 0);
  CHECK(value(plan, Metric::pool_limit) == 20);
  CHECK(value(plan, Metric::pool_saturation_ratio) == 0.95);
  CHECK(value(plan, Metric::pool_level) == 2);
  CHECK(value(plan, Metric::pool_waiting) == 4);
  CHECK(value(plan, Metric::pool_oldest_transaction_seconds) == 12.5);
  CHECK(value(presented(api(Level::ok, Level::ok)), Metric::pool_oldest_transaction_seconds) == 0);
  for (const auto& each : plan.samples)
    CHECK(each.labels.at(0) == "api");
}

TEST_CASE("details are the pool in full") {
  PoolStatus status = api(Level::warn, Level::warn);
  status.oldest = OldestTransaction{12.5, 1, "u", "a"};
  CHECK(
      presented(status).details.json().dump() ==
      R"({"pools":[{"pool":"api","limit":20,"used":19,"ratio":0.95,"level":"warn","states":)"
      R"({"active":5,"idle":2,"idle_in_transaction":12,"idle_in_transaction_aborted":0,"other":0},)"
      R"("waiting":0,"oldest_transaction_seconds":12.5}]})");
}

TEST_CASE("without pg_monitor the grant is named and nothing is made up") {
  Judgement judgement;
  PoolStatus status;
  status.pool.name = "server";
  status.limit = 97;
  judgement.pools.push_back(status);
  Snapshot snapshot;
  snapshot.role = "care\"taker";
  const auto plan = present(judgement, snapshot, {});
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0].severity == Severity::warning);
  CHECK(plan.findings[0].code == "needs_pg_monitor");
  CHECK(plan.findings[0].text.find("GRANT pg_monitor TO \"care\"\"taker\"") != std::string::npos);
  CHECK(value(plan, Metric::pool_limit) == 97);
  for (const Metric metric :
       {Metric::pool_connections, Metric::pool_saturation_ratio, Metric::pool_level,
        Metric::pool_waiting, Metric::pool_oldest_transaction_seconds}) {
    CHECK(std::isnan(value(plan, metric)));
  }
  CHECK(plan.details.json().dump() ==
        R"({"pools":[{"pool":"server","limit":97,"used":null,"ratio":null,"level":null,)"
        R"("states":null,"waiting":null,"oldest_transaction_seconds":null}]})");
}

TEST_CASE("a pgbouncer console that is not watched yet is said to be so") {
  config::Saturation settings;
  settings.pgbouncers.push_back({"edge", "host=127.0.0.1"});
  Snapshot snapshot;
  snapshot.sees_all_sessions = true;
  const auto plan = present({}, snapshot, settings);
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0] == task::Finding{Severity::info, "pgbouncer_not_watched", "edge",
                                          "pgbouncer edge is not watched in this version"});
}
