// SPDX-License-Identifier: Apache-2.0
// Schedules and retries, by table.
#include "task/cadence.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

const SteadyTime origin{1000h};

Slot on_grid(Duration offset) {
  return Slot{origin + offset, origin + offset};
}

}  // namespace

TEST_CASE("first passes are staggered by index and jitter") {
  CHECK(first_slot(origin, 0, 6h, 0.0).start == origin);
  CHECK(first_slot(origin, 0, 6h, 0.5).start == origin + 125ms);
  CHECK(first_slot(origin, 3, 6h, 0.0).start == origin + 750ms);
  CHECK(first_slot(origin, 3, 6h, 0.99).start < origin + 1s);
}

TEST_CASE("a first pass is never later than a tenth of its cadence") {
  CHECK(first_slot(origin, 1000, 10s, 0.9).start == origin + 1s);
}

TEST_CASE("a pass that ends in time keeps the grid") {
  CHECK(next_slot(on_grid(0s), 60s, origin + 1s) == on_grid(60s));
  CHECK(next_slot(on_grid(0s), 60s, origin + 59s) == on_grid(60s));
}

TEST_CASE("a slow pass shifts nothing: the slot after it is on the grid again") {
  const Slot late = next_slot(on_grid(0s), 60s, origin + 90s);
  CHECK(late == Slot{origin + 60s, origin + 90s});
  CHECK(next_slot(late, 60s, origin + 91s) == on_grid(120s));
}

TEST_CASE("many missed slots run once, and at once") {
  const Slot late = next_slot(on_grid(0s), 60s, origin + 10h + 5s);
  CHECK(late == Slot{origin + 10h, origin + 10h + 5s});
  CHECK(next_slot(late, 60s, origin + 10h + 6s) == on_grid(10h + 60s));
}

TEST_CASE("a slot that is due exactly now counts as missed, not as skipped") {
  CHECK(next_slot(on_grid(0s), 60s, origin + 60s) == Slot{origin + 60s, origin + 60s});
}

TEST_CASE("a failure is retried soon, and later each time, up to five minutes") {
  const struct {
    std::uint64_t failures;
    double random;
    Duration wanted;
  } rows[] = {{1, 0.0, 5s},   {2, 0.0, 10s},    {3, 0.0, 20s},    {4, 0.0, 40s},
              {7, 0.0, 5min}, {100, 0.0, 5min}, {1, 1.0, 2500ms}, {2, 0.5, 7500ms}};
  for (const auto& row : rows) {
    CAPTURE(row.failures);
    const Slot retry = retry_slot(on_grid(0s), 6h, origin + 1s, row.failures, row.random);
    CHECK(retry.start == origin + 1s + row.wanted);
  }
}

TEST_CASE("a retry leaves the grid where it was") {
  const Slot retry = retry_slot(on_grid(0s), 60s, origin + 1s, 1, 0.0);
  CHECK(retry == Slot{origin, origin + 6s});
  CHECK(next_slot(retry, 60s, origin + 7s) == on_grid(60s));
}

TEST_CASE("the next slot wins over a later retry") {
  CHECK(retry_slot(on_grid(0s), 10s, origin + 8s, 3, 0.0) == on_grid(10s));
}

TEST_CASE("a failure that also missed its slots is still retried with a pause") {
  const Slot retry = retry_slot(on_grid(0s), 10s, origin + 95s, 1, 0.0);
  CHECK(retry == Slot{origin + 90s, origin + 100s});
}

TEST_CASE("a reconnection is tried at once, then with growing pauses up to 30 s") {
  const struct {
    std::uint64_t attempt;
    double random;
    Duration wanted;
  } rows[] = {{0, 0.9, 0s},  {1, 0.0, 500ms}, {2, 0.0, 1s},  {3, 0.0, 2s},
              {7, 0.0, 30s}, {9, 0.0, 30s},   {9, 1.0, 15s}, {1'000'000, 0.0, 30s}};
  for (const auto& row : rows) {
    CAPTURE(row.attempt);
    CHECK(reconnect_pause(row.attempt, row.random) == row.wanted);
  }
}
