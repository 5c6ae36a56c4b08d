// SPDX-License-Identifier: Apache-2.0
// observe, plan, apply, report on a real session, with a task small enough to be wrong on purpose.
#include "task/pass.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "postgres/canceller.hpp"
#include "postgres/transaction.hpp"
#include "support/database.hpp"
#include "support/fake_clock.hpp"
#include "support/run.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

/// One step for every statement that is not yet noted in the table `done`.
class StatementsTask final : public Task {
 public:
  explicit StatementsTask(std::vector<std::string> statements)
      : statements_{std::move(statements)} {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Duration every() const override { return 1min; }
  [[nodiscard]] Duration deadline() const override { return limit; }
  [[nodiscard]] Duration tolerated_jump() const override { return tolerated; }

  Awaitable<Plan> plan(pg::Connection& connection, std::optional<UtcTime> as_of) override {
    ++plans;
    const pg::Result done =
        co_await connection.query("test.observe", "SELECT statement FROM public.done");
    Plan plan;
    plan.as_of = as_of.value_or(planned_at ? planned_at() : UtcTime{});
    if (then) then();
    for (const auto& statement : statements_) {
      bool known = false;
      for (const auto row : done) {
        known = known || row.text("statement") == statement;
      }
      if (!known) {
        Step step;
        step.action = "run";
        step.subject = statement;
        step.upkeep = statement == upkeep;
        step.by_age = by_age;
        plan.steps.push_back(step);
      }
    }
    plan.details = Details{nlohmann::ordered_json{{"done", done.size()}}};
    co_return plan;
  }

  Awaitable<void> apply(pg::Connection& connection, const Step& step, const Surroundings& around,
                        Applied& applied) override {
    if (shows_progress) around.progress({"half of it", 0.5, {}, 60s});
    const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
      co_await connection.query("test.apply", step.subject);
      co_await connection.query("test.note", "INSERT INTO public.done VALUES ($1)", step.subject);
    };
    co_await pg::transact(connection, pg::TransactionOptions(), body);
    applied.kind = kind;
    ++applied.rows;
    if (!second_batch.empty()) {
      co_await connection.query("test.second_batch", second_batch);
    }
  }

  Duration limit = 10s;
  bool shows_progress = false;
  std::string upkeep;        // the statement that can come later
  std::string second_batch;  // of every step, after its first one is committed
  Applied::Kind kind = Applied::Kind::done;
  bool by_age = false;
  std::function<UtcTime()> planned_at;  // the server's clock
  std::function<void()> then;           // what happens after it was read
  Duration tolerated = Duration::max();
  int plans = 0;

 private:
  std::string name_ = "test:statements";
  std::vector<std::string> statements_;
};

struct World {
  World() {
    database.admin().execute(
        "CREATE TABLE public.done (statement text); ALTER TABLE public.done OWNER TO pgc_owner");
  }

  Report pass(StatementsTask& task, const PassOptions& options = PassOptions{}) {
    return test::run(loop, run_pass(task, pool, clock, options));
  }
  long long done() { return database.admin().number("SELECT count(*) FROM done"); }

  test::TestDatabase database;
  asio::io_context loop{1};
  async::RealClock clock;
  pg::Canceller canceller;
  pg::Pool pool{database.options(), 2, canceller, loop.get_executor()};
};

}  // namespace

TEST_CASE_FIXTURE(World, "a pass does what is planned and reports what is then") {
  StatementsTask task{{"SELECT 1", "SELECT 2"}};
  const SteadyTime before = clock.now();
  const Report report = pass(task);
  CHECK(report.outcome == Outcome::success);
  CHECK(report.ended > before);
  REQUIRE(report.acts.size() == 2);
  CHECK(report.acts[0].result == "done");
  CHECK(report.details.json()["done"] == 2);
  CHECK(task.plans == 2);
}

TEST_CASE_FIXTURE(World, "a pass with nothing to do observes once") {
  StatementsTask task{{}};
  CHECK(pass(task).outcome == Outcome::success);
  CHECK(task.plans == 1);
}

TEST_CASE_FIXTURE(World, "a step that fails stops no other step, and the pass has failed") {
  StatementsTask task{{"SELECT 1", "SELECT 1/0", "SELECT 2"}};
  const Report report = pass(task);
  CHECK(report.outcome == Outcome::failure);
  REQUIRE(report.acts.size() == 3);
  CHECK(report.acts[1].result == "failed");
  CHECK(report.acts[1].error.find("division by zero") != std::string::npos);
  CHECK(report.acts[2].result == "done");
  CHECK(done() == 2);
}

TEST_CASE_FIXTURE(World, "behind a step that was not done nothing about its subject is tried") {
  StatementsTask task{{"SELECT 1/0", "SELECT 1/0", "SELECT 2"}};
  const Report report = pass(task);
  REQUIRE(report.acts.size() == 3);
  CHECK(report.acts[0].result == "failed");
  CHECK(report.acts[1].result == "planned");
  CHECK(report.acts[2].result == "done");
}

TEST_CASE_FIXTURE(World, "behind a step that was held back nothing about its subject is tried") {
  StatementsTask task{{"SELECT 1", "SELECT 1", "SELECT 2"}};
  PassOptions options;
  int asked = 0;  // first when the pass begins
  options.may_act = [&asked] { return ++asked != 2; };
  const Report report = pass(task, options);
  REQUIRE(report.acts.size() == 3);
  CHECK(report.acts[0].result == "planned");
  CHECK(report.acts[1].result == "planned");
  CHECK(report.acts[2].result == "done");
}

TEST_CASE_FIXTURE(World, "upkeep is not begun behind a step that went wrong") {
  StatementsTask task{{"SELECT 1/0", "SELECT 2", "SELECT 3"}};
  task.upkeep = "SELECT 2";
  const Report report = pass(task);
  REQUIRE(report.acts.size() == 3);
  CHECK(report.acts[1].result == "planned");
  CHECK(report.acts[2].result == "done");
}

TEST_CASE_FIXTURE(World, "a lost race that leaves nothing to do is a success") {
  StatementsTask task{{"SELECT 1"}};
  task.kind = Applied::Kind::yielded;
  CHECK(pass(task).outcome == Outcome::success);
}

TEST_CASE_FIXTURE(World, "plans that take different times make no clock jump") {
  test::FakeClock fake;
  StatementsTask task{{"SELECT 1"}};
  task.by_age = true;
  task.planned_at = [&fake] { return fake.utc_now(); };
  task.tolerated = 1min;
  const auto plan_for = [&](Duration time) {
    task.then = [&fake, time] { fake.advance(time); };
    return test::run(loop, plan_only(task, pool, fake)).steps.size();
  };
  CHECK(plan_for(0s) == 1);
  fake.advance(6h);
  CHECK(plan_for(3min) == 1);
  fake.advance(6h);
  CHECK(plan_for(0s) == 1);
}

TEST_CASE_FIXTURE(World, "without leave to act it only observes, and says skipped") {
  StatementsTask task{{"SELECT 1"}};
  PassOptions options;
  options.may_act = [] { return false; };
  const Report report = pass(task, options);
  CHECK(report.outcome == Outcome::skipped);
  CHECK(report.acts.at(0).result == "planned");
  CHECK(done() == 0);
}

TEST_CASE_FIXTURE(World,
                  "a pass that overruns its deadline is cancelled and leaves nothing behind") {
  StatementsTask task{{"SELECT 1", "SELECT pg_catalog.pg_sleep(60)"}};
  task.limit = 500ms;
  const Report report = pass(task);
  CHECK(report.outcome == Outcome::failure);
  CHECK(report.deadline_passed);
  CHECK(done() == 1);
  CHECK(database.admin().number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                "'SELECT pg_catalog.pg_sleep%' AND state = 'active'") == 0);
  StatementsTask after{{}};
  CHECK(pass(after).outcome == Outcome::success);
}

TEST_CASE_FIXTURE(World, "a step that shows progress is not cut off at the deadline") {
  StatementsTask task{{"SELECT pg_catalog.pg_sleep(1)"}};
  task.limit = 500ms;
  task.shows_progress = true;
  PassOptions options;
  std::string seen;
  options.progress = [&](const StepProgress& progress) { seen = progress.text; };
  CHECK(pass(task, options).outcome == Outcome::success);
  CHECK(seen == "half of it");
}

TEST_CASE_FIXTURE(World, "a step cut off by the deadline is reported with what it had committed") {
  StatementsTask task{{"SELECT 1"}};
  task.second_batch = "SELECT pg_catalog.pg_sleep(60)";
  task.limit = 500ms;
  const Report report = pass(task);
  CHECK(report.deadline_passed);
  REQUIRE(report.acts.size() == 1);
  CHECK(report.acts[0].result == "failed");
  CHECK(report.acts[0].error == "interrupted");
  CHECK(report.acts[0].rows == 1);
  CHECK(report.acts[0].duration >= 400ms);
}

TEST_CASE_FIXTURE(World, "a step that fails half-way is reported with what it had committed") {
  StatementsTask task{{"SELECT 1"}};
  task.second_batch = "SELECT 1/0";
  const Report report = pass(task);
  REQUIRE(report.acts.size() == 1);
  CHECK(report.acts[0].result == "failed");
  CHECK(report.acts[0].error.find("division by zero") != std::string::npos);
  CHECK(report.acts[0].rows == 1);
}

TEST_CASE_FIXTURE(World, "a pass that is cancelled still reports what it did") {
  StatementsTask task{{"SELECT 1", "SELECT pg_catalog.pg_sleep(60)"}};
  asio::cancellation_signal stop;
  std::optional<Report> report;
  asio::co_spawn(
      loop, run_pass(task, pool, clock, PassOptions{}),
      asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr thrown, Report r) {
        CHECK(thrown == nullptr);
        report = std::move(r);
      }));
  test::Admin watcher{database.name()};
  while (watcher.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                        "datname = current_database()") == 0) {
    loop.poll();
  }
  stop.emit(asio::cancellation_type::terminal);
  loop.run();
  REQUIRE(report);
  CHECK(report->outcome == Outcome::failure);
  CHECK(report->error == "cancelled");
  CHECK_FALSE(report->deadline_passed);
  REQUIRE(report->acts.size() == 2);
  CHECK(report->acts[0].result == "done");
  CHECK(report->acts[1].result == "failed");
  CHECK(report->acts[1].error == "interrupted");
  CHECK(report->acts[1].rows == 0);
}

TEST_CASE_FIXTURE(World, "an observation that fails is a failed pass with the server's words") {
  database.admin().execute("DROP TABLE done");
  StatementsTask task{{}};
  const Report report = pass(task);
  CHECK(report.outcome == Outcome::failure);
  CHECK(report.error.find("public.done") != std::string::npos);
  CHECK_FALSE(report.connection_lost);
}

TEST_CASE_FIXTURE(World,
                  "a backend killed under a step is a lost connection, and the next pass works") {
  database.admin().execute("GRANT pg_signal_backend TO pgc_owner");
  StatementsTask task{{"SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())"}};
  const Report report = pass(task);
  CHECK(report.outcome == Outcome::failure);
  CHECK(report.connection_lost);
  StatementsTask after{{"SELECT 2"}};
  CHECK(pass(after).outcome == Outcome::success);
}
