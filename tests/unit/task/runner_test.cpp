// SPDX-License-Identifier: Apache-2.0
// The loop around the tasks, on a clock that the test moves. What a pass does is the hook's
// business.
#include "task/runner.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <map>

#include "async/notifier.hpp"
#include "support/fake_clock.hpp"
#include "support/run.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

class NamedTask final : public Task {
 public:
  explicit NamedTask(std::string name, Duration every = 60s)
      : name_{std::move(name)}, every_{every} {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Duration every() const override { return every_; }
  [[nodiscard]] Duration deadline() const override { return 10s; }
  Awaitable<Plan> plan(pg::Connection&, std::optional<UtcTime>) override {
    throw std::logic_error{""};
  }
  Awaitable<void> apply(pg::Connection&, const Step&, const Surroundings&, Applied&) override {
    throw std::logic_error{""};
  }

 private:
  std::string name_;
  Duration every_;
};

/// A runner whose passes end at once, or when the test says so.
struct World {
  World() : runner{loop.get_executor(), clock, board, hooks()} {}
  ~World() { stop(0s); }

  RunnerHooks hooks() {
    RunnerHooks hooks;
    hooks.execute = [this](Task& task, std::function<bool()> is_wanted) {
      wanted[task.name()] = std::move(is_wanted);
      return execute(task);
    };
    hooks.wait_for_database = [this]() { return wait_for_database(); };
    hooks.database_is_up = [this](const Task&) { return database_up; };
    hooks.reported = [this](const Report& report) {
      auto& entry = board.tasks[report.task];
      entry.failures_in_a_row =
          report.outcome == Outcome::failure ? entry.failures_in_a_row + 1 : 0;
      entry.last = report;
      ++reports[report.task];
    };
    hooks.planned = [](const std::string&, UtcTime) {};
    hooks.random = [] { return 0.0; };
    return hooks;
  }

  Awaitable<Report> execute(Task& task) {
    const std::string name = task.name();
    ++started[name];
    ++inside[name];
    CHECK(inside[name] == 1);
    const Leave leave{*this, name};
    Report report;
    report.task = name;
    report.outcome = outcomes[name];
    try {
      while (held) {
        co_await released.wait();
      }
    } catch (const boost::system::system_error&) {
      report.outcome = Outcome::failure;  // as run_pass() when it is cancelled
    }
    report.unfinished = unfinished;
    co_return report;
  }

  Awaitable<void> wait_for_database() {
    while (!database_up) {
      co_await database_changed.wait();
    }
  }

  void configure(const std::vector<std::shared_ptr<Task>>& tasks) {
    runner.configure(tasks);
    poll();
  }
  void poll() {
    loop.restart();
    loop.poll();
  }
  void advance(Duration time) {
    clock.advance(time);
    poll();
  }
  void release() {
    held = false;
    released.notify_all();
    poll();
  }
  void stop(Duration grace) {
    test::run(loop, runner.stop(std::chrono::steady_clock::now() + grace));
  }

  struct Leave {
    World& world;
    std::string name;
    Leave(World& in, std::string of) : world{in}, name{std::move(of)} {}
    ~Leave() { --world.inside[name]; }
  };

  asio::io_context loop;
  test::FakeClock clock;
  Board board;
  bool database_up = true;
  async::Notifier database_changed{loop.get_executor()};
  bool unfinished = false;
  bool held = false;
  async::Notifier released{loop.get_executor()};
  std::map<std::string, int> started;
  std::map<std::string, int> inside;
  std::map<std::string, int> reports;
  std::map<std::string, Outcome> outcomes;
  std::map<std::string, std::function<bool()>> wanted;
  Runner runner;
};

std::shared_ptr<Task> named(const std::string& name, Duration every = 60s) {
  return std::make_shared<NamedTask>(name, every);
}

}  // namespace

TEST_CASE_FIXTURE(World, "every task runs soon after the start and then on its cadence") {
  configure({named("a"), named("b", 10s)});
  advance(1s);
  CHECK(started["a"] == 1);
  CHECK(started["b"] == 1);
  advance(10s);
  CHECK(started["b"] == 2);
  CHECK(started["a"] == 1);
  advance(50s);
  CHECK(started["a"] == 2);
}

TEST_CASE_FIXTURE(World, "a slow pass is not overlapped, its missed slots run once") {
  held = true;
  configure({named("a")});
  advance(1s);
  advance(300s);
  CHECK(started["a"] == 1);
  CHECK(board.tasks["a"].state == TaskState::running);
  release();
  CHECK(started["a"] == 2);
  advance(1s);
  CHECK(started["a"] == 2);
}

TEST_CASE_FIXTURE(World, "a task that hangs does not hold up another") {
  held = true;
  configure({named("slow"), named("quick", 10s)});
  CHECK(started["slow"] == 1);
  held = false;
  advance(1s);
  advance(10s);
  CHECK(started["quick"] == 2);
  CHECK(inside["slow"] == 1);
  release();
}

TEST_CASE_FIXTURE(World, "a failure is retried before the next slot, a success is not") {
  outcomes["a"] = Outcome::failure;
  configure({named("a", 6h)});
  CHECK(started["a"] == 1);
  advance(5s);
  CHECK(started["a"] == 2);
  outcomes["a"] = Outcome::success;
  advance(10s);
  CHECK(started["a"] == 3);
  advance(1h);
  CHECK(started["a"] == 3);
}

TEST_CASE_FIXTURE(World, "a lost race is made up for soon, also while something needs a person") {
  outcomes["a"] = Outcome::needs_person;
  unfinished = true;
  configure({named("a", 6h)});
  CHECK(started["a"] == 1);
  advance(5s);
  CHECK(started["a"] == 2);
}

TEST_CASE_FIXTURE(World,
                  "while the database is down a due task waits and then runs at once, once") {
  database_up = false;
  configure({named("a", 10s)});
  advance(1s);
  advance(500s);
  CHECK(started["a"] == 0);
  CHECK(board.tasks["a"].state == TaskState::waiting_for_database);
  database_up = true;
  database_changed.notify_all();
  poll();
  CHECK(started["a"] == 1);
  CHECK(board.tasks["a"].state == TaskState::waiting);
}

TEST_CASE_FIXTURE(World, "a reload keeps the schedule of an unchanged task") {
  const auto same = named("a");
  configure({same});
  const SteadyTime start = clock.now();
  advance(1s);
  advance(30s);
  configure({same, named("b")});
  CHECK(board.tasks["a"].silent_since == start);
  CHECK(board.tasks["b"].silent_since == clock.now());
  advance(1s);
  CHECK(started["a"] == 1);
  CHECK(started["b"] == 1);
  advance(29s);
  CHECK(started["a"] == 2);
}

TEST_CASE_FIXTURE(World, "a reload runs a changed task soon") {
  configure({named("a", 6h)});
  advance(1s);
  configure({named("a", 1h)});
  advance(1s);
  CHECK(started["a"] == 2);
  CHECK(board.tasks["a"].every == 1h);
}

TEST_CASE_FIXTURE(World,
                  "a reload lets the pass of a changed task end, then the new one runs soon") {
  held = true;
  configure({named("a", 6h)});
  advance(1s);
  CHECK(wanted["a"]());
  configure({named("a", 1h)});
  CHECK_FALSE(wanted["a"]());
  advance(10s);
  CHECK(started["a"] == 1);
  release();
  advance(1s);
  CHECK(started["a"] == 2);
}

TEST_CASE_FIXTURE(World, "a reload takes a removed task off the board, its pass ends in peace") {
  held = true;
  const auto a = named("a");
  configure({a, named("b")});
  advance(1s);
  CHECK(started["b"] == 1);
  configure({a});
  CHECK_FALSE(board.tasks.contains("b"));
  CHECK(inside["b"] == 1);
  CHECK(wanted["a"]());
  CHECK_FALSE(wanted["b"]());
  release();
  CHECK(inside["b"] == 0);
  advance(600s);
  CHECK(started["b"] == 1);
  CHECK_FALSE(board.tasks.contains("b"));
}

TEST_CASE_FIXTURE(World, "a task that comes back while its old pass runs never overlaps itself") {
  held = true;
  configure({named("a")});
  advance(1s);
  configure({});
  configure({named("a")});
  advance(5s);
  CHECK(started["a"] == 1);
  release();
  advance(1s);
  CHECK(started["a"] == 2);
}

TEST_CASE_FIXTURE(World, "a nudge runs what did not succeed or only watched, and nothing else") {
  outcomes["bad"] = Outcome::needs_person;
  configure({named("good", 6h), named("bad", 6h), named("watched", 6h)});
  advance(1s);
  board.tasks["watched"].last->watched = true;
  runner.nudge();
  poll();
  advance(1s);
  CHECK(started["bad"] == 2);
  CHECK(started["watched"] == 2);
  CHECK(started["good"] == 1);
}

TEST_CASE_FIXTURE(World, "a stop ends sleeping tasks at once and lets a pass end") {
  held = true;
  configure({named("a")});
  advance(1s);
  asio::co_spawn(loop, runner.stop(std::chrono::steady_clock::now() + 1h), [](auto) {});
  poll();
  CHECK(runner.stopping());
  CHECK(inside["a"] == 1);
  release();
  CHECK(inside["a"] == 0);
  CHECK(clock.sleepers() == 0);
}

TEST_CASE_FIXTURE(World, "a stop cancels a pass that outlasts the grace, and hears its report") {
  held = true;
  configure({named("a")});
  advance(1s);
  stop(0s);
  CHECK(inside["a"] == 0);
  CHECK(started["a"] == 1);
  CHECK(reports["a"] == 1);
}

TEST_CASE("a runner survives starting and stopping at every step") {
  for (int steps = 0; steps < 40; ++steps) {
    World world;
    world.held = steps % 2 == 1;
    world.runner.configure({named("a", 1s), named("b", 2s)});
    for (int i = 0; i < steps; ++i) {
      world.clock.advance(100ms);
      world.loop.restart();
      world.loop.poll_one();
    }
    world.stop(0s);
    CHECK(world.inside["a"] == 0);
    CHECK(world.clock.sleepers() == 0);
  }
}
