// SPDX-License-Identifier: Apache-2.0
// The one loop: every task on its cadence, none overlapping itself, none stopping another.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "async/notifier.hpp"
#include "async/task_group.hpp"
#include "task/board.hpp"
#include "task/cadence.hpp"
#include "task/task.hpp"

namespace pgcaretaker::task {

/// What the runner needs from outside.
struct RunnerHooks {
  /// One pass; cancelled, it may still report. Usually run_pass() with a pool and the lease. The
  /// task is no longer wanted once a reload has removed or changed it, or the runner stops.
  std::function<Awaitable<Report>(Task&, std::function<bool()> is_wanted)> execute;
  /// Returns when the database is up.
  std::function<Awaitable<void>()> wait_for_database;
  /// True when a pass of this task can reach it now.
  std::function<bool(const Task&)> database_is_up;
  /// Called with every report, and whenever a next run was planned (task, UTC).
  std::function<void(const Report&)> reported;
  std::function<void(const std::string&, UtcTime)> planned;
  /// In [0, 1), for jitter.
  std::function<double()> random;
};

class Runner {
 public:
  Runner(asio::any_io_executor executor, async::Clock& clock, Board& board, RunnerHooks hooks);
  ~Runner();
  Runner(const Runner&) = delete;

  /// From now on these tasks run, in this order. A task that is the same object as before keeps its
  /// schedule; a changed one (same name) runs soon, after a pass under way has ended; a removed one
  /// ends after a pass under way. Such a pass begins no further step.
  void configure(std::vector<std::shared_ptr<Task>> tasks);

  /// Tasks whose latest pass was no success or only watched run soon: somebody says that things
  /// have changed.
  void nudge();

  /// Sleeping tasks end at once, running ones get until `grace` to reach a safe point (steps not
  /// yet begun are not begun: see stopping()), then they are cancelled. Returns when none is left.
  Awaitable<void> stop(SteadyTime grace);

  [[nodiscard]] bool stopping() const { return stopping_; }

 private:
  struct Loop;
  class PassMark;
  Awaitable<void> run_loop(Loop& loop);
  Awaitable<void> run_once(Loop& loop);
  Awaitable<bool> passes_ended();
  void restart(Loop& loop);
  void plan_next(Loop& loop, const Slot& slot);

  asio::any_io_executor executor_;
  async::Clock& clock_;
  Board& board_;
  RunnerHooks hooks_;
  async::Notifier pass_ended_;
  bool stopping_ = false;
  std::map<std::string, std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Loop>> leaving_;  // removed by a reload, last pass still under way
};

}  // namespace pgcaretaker::task
