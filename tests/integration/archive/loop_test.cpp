// SPDX-License-Identifier: Apache-2.0
// What an archive costs the loop and the memory; with PGC_ARCHIVE_ROWS=1000000 it is a benchmark.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdlib>
#include <string>

#include "async/task_group.hpp"
#include "support/archive_scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using test::ArchiveScene;

/// Of this thread alone: a busy machine does not count, nor does the side thread.
std::chrono::microseconds thread_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::microseconds{now.tv_nsec / 1000};
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// Looks each millisecond how much the loop's thread has worked since.
Awaitable<void> tick(std::chrono::microseconds& longest) {
  async::RealClock clock;
  auto before = thread_time();
  while (true) {
    co_await clock.sleep_for(1ms);
    const auto now = thread_time();
    longest = std::max(longest, now - before);
    before = now;
  }
}

}  // namespace

TEST_CASE_FIXTURE(ArchiveScene, "neither the loop nor the memory notices how large a table is") {
  const char* wanted = std::getenv("PGC_ARCHIVE_ROWS");
  const std::string rows = wanted == nullptr ? "100000" : wanted;
  owner(
      "CREATE TABLE audit.t AS SELECT g AS id, timestamptz '2024-01-01' + g * interval '1 "
      "second' AS at, md5(g::text) AS actor, 'login' AS action, jsonb_build_object('ip', "
      "'10.0.0.' || g % 256, 'session', md5((g % 1000)::text)) AS detail FROM "
      "generate_series(1, " +
      rows + ") g");
  const archive::Subject what = subject("t");
  const long before = peak_kilobytes();
  std::chrono::microseconds longest{0};
  archive::Archived archived;
  const auto start = std::chrono::steady_clock::now();
  run([&]() -> Awaitable<void> {
    async::TaskGroup group{co_await asio::this_coro::executor};
    group.spawn("tick", tick(longest));
    archived = co_await archive::archive_table(*connection, what, workshop);
    group.cancel_all();
    co_await group.join();
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  for (const auto& file : archived.manifest.files) {
    MESSAGE(file.name << ": " << file.bytes << " bytes, compressed " << file.compressed_bytes);
  }
  MESSAGE(rows << " rows in " << took.count() << " s; the loop was held for at most "
               << longest.count() << " us; memory grew by " << peak_kilobytes() - before << " kB");
  CHECK(std::to_string(archived.manifest.rows) == rows);
  CHECK(longest < 100ms);
#ifndef __SANITIZE_ADDRESS__
  CHECK(peak_kilobytes() - before < 64 * 1024);
#endif
}

}  // namespace pgcaretaker
