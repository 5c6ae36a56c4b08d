// SPDX-License-Identifier: Apache-2.0
// A million rows and no index: observing stays cheap, and one pass of the heap sweeps it.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>

#include "outbox_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

/// One row in ten pending, the others done, as they came; those up to `last_due` are due.
void create_big_outbox(Admin& admin, int last_due) {
  admin.execute(
      "CREATE UNLOGGED TABLE public.event_outbox WITH (autovacuum_enabled = off) AS SELECT"
      " 'r' || g AS id, repeat('x', 60) AS payload,"
      " timestamptz '2026-01-01 00:00+00' + g * interval '1 second' AS created_at,"
      " CASE WHEN g % 10 > 0 THEN"
      "   now() - CASE WHEN g <= " +
      std::to_string(last_due) +
      " THEN interval '20 days' ELSE interval '1 day' END"
      "   - g * interval '1 millisecond' END AS dispatched_at,"
      " timestamptz '2026-01-01 00:00+00' AS available_at FROM generate_series(1, 1000000) g");
  admin.execute("ALTER TABLE public.event_outbox OWNER TO pgc_owner");
}

bool within(std::int64_t estimate, double truth, double share) {
  return std::abs(static_cast<double>(estimate) - truth) <= truth * share;
}

}  // namespace

TEST_CASE("a million rows without an index are estimated within a second, then swept in one pass") {
  TestDatabase database;
  create_big_outbox(database.admin(), 666'666);
  const config::Outbox settings = event_outbox();
  Session session{database.options()};

  const auto start = std::chrono::steady_clock::now();
  const auto snapshot = session.observe(settings);
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took < std::chrono::seconds{1});
  MESSAGE("observed in " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
                         << " ms");
  for (const auto& count : snapshot.states) {
    CHECK(count.rows_are_estimate);
    CHECK(count.obstacle == std::nullopt);
  }
  CHECK(within(*snapshot.states[0].rows, 100'000, 0.2));
  CHECK(within(*snapshot.states[1].rows, 900'000, 0.2));
  CHECK(within(*snapshot.states[1].due_rows, 600'000, 0.2));
  CHECK(snapshot.states[1].due_is_estimate);
  CHECK(*snapshot.states[2].rows == 0);

  const auto plan = outbox::plan(snapshot, settings);
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].reason.compare(0, 6, "about ") == 0);
  const auto applied = session.sweep(settings, plan.steps[0]);
  CHECK(applied.kind == task::Applied::Kind::done);
  CHECK(applied.rows == 600'000);
  CHECK(applied.findings.empty());
  REQUIRE(applied.samples.size() == 1);
  CHECK(applied.samples[0].labels ==
        std::vector<std::string>{"public.event_outbox", "done", "delete"});
  CHECK(applied.samples[0].value == 600'000);
  CHECK(database.admin().number("SELECT count(*) FROM public.event_outbox") == 400'000);
  CHECK(session.plan(settings).steps.empty());
}

TEST_CASE("what an index can answer is exact on a big outbox too") {
  TestDatabase database;
  create_big_outbox(database.admin(), 1);
  database.admin().execute(
      "CREATE INDEX ON public.event_outbox (dispatched_at) WHERE dispatched_at IS NOT NULL;"
      "ANALYZE public.event_outbox");
  Session session{database.options()};
  const auto snapshot = session.observe(event_outbox());
  CHECK(snapshot.states[1].rows_are_estimate);
  CHECK(snapshot.states[1].due_rows == 1);
  CHECK_FALSE(snapshot.states[1].due_is_estimate);
  CHECK(*snapshot.states[1].oldest_seconds == doctest::Approx(20 * 86400).epsilon(0.001));
}
