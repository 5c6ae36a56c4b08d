// SPDX-License-Identifier: Apache-2.0
// The SQL that is made of configured expressions.
#include <doctest/doctest.h>

#include "outbox/statement.hpp"
#include "outbox_settings.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::outbox;

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const UtcTime noon = test::event_outbox_snapshot().as_of;

}  // namespace

TEST_CASE("the states of an outbox are those that have an expression") {
  auto settings = test::event_outbox();
  REQUIRE(configured_states(settings).size() == 3);
  CHECK(configured_states(settings)[1].where_key == "outbox.done.where");
  CHECK(configured_states(settings)[0].keep == std::nullopt);
  CHECK(configured_states(settings)[2].keep == std::optional<Duration>{std::chrono::days{30}});
  settings.dead.reset();
  CHECK(configured_states(settings).size() == 2);
  settings.done->where.clear();
  REQUIRE(configured_states(settings).size() == 1);
  CHECK(configured_states(settings)[0].state == State::pending);
}

TEST_CASE("every expression stands in parentheses on lines of its own") {
  auto settings = test::event_outbox();
  settings.done->where = "a OR b -- why";
  settings.done->since = "dispatched_at -- when";
  const Terms done = configured_states(settings)[1];
  const std::string enclosed_where = "(\na OR b -- why\n)";
  const std::string enclosed_since = "(\ndispatched_at -- when\n)";
  const std::string sweep = sweep_sql(settings.table, settings.table, done);
  CHECK(holds(sweep, enclosed_where));
  CHECK(holds(sweep, enclosed_since + " < $1::timestamptz"));
  for (const Wanted wanted : {Wanted::everything, Wanted::oldest, Wanted::due}) {
    CHECK(holds(count_sql(settings.table, done, noon, wanted, std::nullopt), enclosed_where));
  }
  CHECK(holds(where_only_sql(settings.table, done), enclosed_where));
}

TEST_CASE("a sweep spares what its condition takes from a state that comes before it") {
  auto settings = test::event_outbox();
  settings.pending = "p";
  settings.dead->where = "d";
  const auto states = configured_states(settings);
  const std::string spares_pending = " AND (\np\n) IS NOT TRUE";
  const std::string spares_dead = " AND (\nd\n) IS NOT TRUE";
  const std::string done = sweep_sql(settings.table, settings.table, states[1]);
  CHECK(holds(done, spares_pending));
  CHECK(holds(done, spares_dead));
  const std::string dead = sweep_sql(settings.table, settings.table, states[2]);
  CHECK(holds(dead, spares_pending));
  CHECK_FALSE(holds(dead, spares_dead));
  // What is never swept is not due either.
  const auto due = count_sql(settings.table, states[1], noon, Wanted::due, std::nullopt);
  CHECK(holds(due, spares_pending));
}

TEST_CASE("a sweep names the leaf, but its expressions may use the outbox's own name") {
  const auto settings = test::event_outbox();
  const std::string sql = sweep_sql(settings.table, config::TableName{"parts", "Leaf \"1\""},
                                    configured_states(settings)[1]);
  CHECK(holds(sql, "DELETE FROM ONLY \"parts\".\"Leaf \"\"1\"\"\" AS \"event_outbox\"\n"));
  CHECK(holds(sql, "ctid >= $2::tid AND ctid < $3::tid"));
}

TEST_CASE("due is counted against keep before the observed instant") {
  const auto settings = test::event_outbox();
  const Terms done = configured_states(settings)[1];
  const std::string sql = count_sql(settings.table, done, noon, Wanted::everything, std::nullopt);
  CHECK(holds(sql, "< '2026-11-16 12:00:00+00'::timestamptz"));
  CHECK(holds(sql, "'2026-11-23 12:00:00+00'::timestamptz - counted.oldest"));
  const Terms pending = configured_states(settings)[0];
  CHECK(holds(count_sql(settings.table, pending, noon, Wanted::everything, std::nullopt),
              "NULL::bigint AS due"));
}

TEST_CASE("a sample reads a share of the pages, the whole reads no sample") {
  const auto settings = test::event_outbox();
  const Terms done = configured_states(settings)[1];
  CHECK(holds(count_sql(settings.table, done, noon, Wanted::everything, 0.4),
              "\"event_outbox\" TABLESAMPLE SYSTEM (0.400000)\nWHERE"));
  CHECK_FALSE(
      holds(count_sql(settings.table, done, noon, Wanted::everything, std::nullopt), "SAMPLE"));
}

TEST_CASE("the smallest share that is ever asked for does not round to nothing") {
  const auto settings = test::event_outbox();
  CHECK(holds(
      count_sql(settings.table, configured_states(settings)[1], noon, Wanted::everything, 1e-6),
      "SYSTEM (0.000001)"));
}

TEST_CASE("the oldest row is asked for without a filter, so that an index can answer") {
  const auto settings = test::event_outbox();
  const std::string sql =
      count_sql(settings.table, configured_states(settings)[1], noon, Wanted::oldest, std::nullopt);
  CHECK(holds(sql, "min((\ndispatched_at\n)) AS oldest"));
  CHECK_FALSE(holds(sql, "FILTER"));
  CHECK_FALSE(holds(sql, "count("));
}

TEST_CASE("a block's address is that of the row before its first") {
  CHECK(block_address(0) == "(0,0)");
  CHECK(block_address(4294967294) == "(4294967294,0)");
}
