// SPDX-License-Identifier: Apache-2.0
// Passes with nothing to do, over and over: they ask little, and nothing of them stays in memory.
#include <fmt/format.h>
#include <malloc.h>

#include "http/routes.hpp"
#include "partition_fixture.hpp"
#include "task/pass.hpp"
#include "task/publish.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view noon = "2026-11-23 12:00:00";

/// `days` partitions, the last one of the day after noon; some in each transaction keep the lock
/// table small.
void create_days(Admin& admin, const std::string& table, int days) {
  admin.execute(
      fmt::format("CREATE TABLE public.{0} (at timestamptz NOT NULL) PARTITION BY RANGE (at);"
                  "ALTER TABLE public.{0} OWNER TO pgc_owner",
                  table));
  admin.execute(
      fmt::format("DO $$ DECLARE day date := '2026-11-24'; BEGIN"
                  " FOR i IN 1 .. {1} LOOP"
                  "  EXECUTE format('CREATE TABLE public.{0}_%s PARTITION OF public.{0}"
                  " FOR VALUES FROM (''%s+00'') TO (''%s+00'')', i, day, day + 1);"
                  "  IF i % 20 = 0 THEN COMMIT; END IF;"
                  "  day := day - 1;"
                  " END LOOP; END $$",
                  table, days));
}

config::Partition daily(const std::string& table) {
  config::Partition settings = events();
  settings.table = {"public", table};
  settings.interval = {config::IntervalUnit::day, 1};
  settings.name = "{table}_%Y%m%d";
  return settings;
}

/// All tables in turn, each with its own task, as one daemon keeps them.
struct House {
  void add(const std::string& table, int days) {
    create_days(database.admin(), table, days);
    settings.partitions.push_back(daily(table));
    tasks.push_back(
        std::make_unique<partition::PartitionTask>(settings.partitions.back(), journal));
    board.order.push_back(tasks.back()->name());
    board.tasks[tasks.back()->name()];
  }

  void pass(telemetry::Metrics& metrics) {
    task::PassOptions options;
    options.as_of = at(noon);
    for (const auto& task : tasks) {
      const task::Report report = test::run(loop, task::run_pass(*task, pool, clock, options));
      REQUIRE(report.outcome == task::Outcome::success);
      REQUIRE(report.acts.empty());
      task::publish(report, board, metrics);
    }
  }

  TestDatabase database;
  asio::io_context loop{1};
  async::RealClock clock;
  pg::Canceller canceller;
  pg::Pool pool{database.options(), 1, canceller, loop.get_executor()};
  config::Journal journal{std::nullopt};
  config::Settings settings;
  task::Board board;
  std::vector<std::unique_ptr<partition::PartitionTask>> tasks;
};

/// Bytes in use; sanitizers have their own ways to tell and leave this alone.
std::size_t heap() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

TEST_CASE("passes with nothing to do leave nothing in memory") {
  House house;
  house.add("events", 200);
  for (int i = 0; i < 10; ++i) {
    house.add(fmt::format("small_{}", i), 3);
  }
  telemetry::Metrics metrics{house.settings, "1"};
  const auto passes = [&](int number) {
    for (int i = 0; i < number; ++i) {
      house.pass(metrics);
      const std::string shown = http::status_json(house.board, {house.clock.utc_now(), {}});
      REQUIRE(shown.find("events_200") != std::string::npos);
    }
    return heap();
  };
  const std::size_t before = passes(20);
  const std::size_t after = passes(180);
  // One partition remembered in each pass would be more.
  CHECK(after <= before + 16 * 1024);
}

TEST_CASE("the server plans what every pass asks once for all tables and passes of a session") {
  House house;
  house.add("events", 30);
  house.add("others", 3);
  telemetry::Metrics metrics{house.settings, "1"};
  house.pass(metrics);
  house.pass(metrics);
  const auto look = [&]() -> Awaitable<void> {
    const pg::Loan loan = co_await house.pool.acquire();
    const pg::Result list = co_await loan.connection().query(
        "prepared",
        "SELECT pg_catalog.string_agg(name, ' ' ORDER BY name) AS names FROM "
        "pg_catalog.pg_prepared_statements");
    CHECK(list.only_row().text("names") == "partition.list partition.table");
  };
  test::run(house.loop, look());
  const auto partitions = [&](const std::string& task) {
    return house.board.tasks.at(task).last->details.json()["partitions"].size();
  };
  CHECK(partitions("partition:public.events") == 30);
  CHECK(partitions("partition:public.others") == 3);
}
