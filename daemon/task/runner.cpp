// SPDX-License-Identifier: Apache-2.0
// Loops, one per task name.
#include "task/runner.hpp"

#include <algorithm>

#include "async/with_deadline.hpp"

namespace pgcaretaker::task {

/// One task name's life. Owned by the runner until its coroutine has ended.
struct Runner::Loop {
  Loop(asio::any_io_executor executor, std::shared_ptr<Task> first)
      : task{std::move(first)}, group{std::move(executor)} {}

  std::shared_ptr<Task> task;  // the pass under way keeps its own copy
  bool running = false;        // inside a pass
  bool replaced = false;       // `task` is new: its schedule starts afresh after this pass
  bool removed = false;
  std::size_t index = 0;  // place in the configuration
  Slot slot;
  async::TaskGroup group;  // one member, two for the moment in which a cancelled one unwinds
};

Runner::Runner(asio::any_io_executor executor, async::Clock& clock, Board& board, RunnerHooks hooks)
    : executor_{std::move(executor)},
      clock_{clock},
      board_{board},
      hooks_{std::move(hooks)},
      pass_ended_{executor_} {}

Runner::~Runner() = default;

void Runner::configure(std::vector<std::shared_ptr<Task>> tasks) {
  std::map<std::string, std::unique_ptr<Loop>> before = std::move(loops_);
  loops_.clear();
  // A task may come back while the last pass of its removed self is under way: it must not overlap.
  for (auto& loop : leaving_) {
    if (loop->running) {
      before.try_emplace(loop->task->name(), std::move(loop));
    }
  }
  std::erase_if(leaving_, [](const auto& loop) { return !loop || loop->group.size() == 0; });
  board_.order.clear();
  for (std::size_t index = 0; index < tasks.size(); ++index) {
    auto& task = tasks[index];
    const std::string name = task->name();
    board_.order.push_back(name);
    auto [place, is_new] = board_.tasks.try_emplace(name);
    auto& entry = place->second;
    if (is_new) {
      entry.silent_since = clock_.now();
    }
    entry.every = task->every();
    entry.deadline = task->deadline();
    auto known = before.extract(name);
    const bool same = !known.empty() && known.mapped()->task == task;
    auto& loop = loops_[name];
    loop = known.empty() ? std::make_unique<Loop>(executor_, task) : std::move(known.mapped());
    loop->task = std::move(task);
    loop->index = index;
    loop->removed = false;
    if (!same) {
      restart(*loop);
    }
  }
  for (auto& [name, loop] : before) {
    loop->removed = true;
    board_.tasks.erase(name);
    restart(*loop);
    leaving_.push_back(std::move(loop));
  }
}

void Runner::nudge() {
  for (const auto& [name, loop] : loops_) {
    const auto& last = board_.tasks[name].last;
    if (last && (last->watched || last->outcome != Outcome::success)) {
      restart(*loop);
    }
  }
}

/// Starts the loop's schedule afresh: at once when it sleeps, after the pass when one is under way.
void Runner::restart(Loop& loop) {
  if (loop.running) {
    loop.replaced = true;
    return;
  }
  loop.group.cancel_all();
  if (!loop.removed && !stopping_) {
    loop.group.spawn(loop.task->name(), run_loop(loop));
  }
}

void Runner::plan_next(Loop& loop, const Slot& slot) {
  loop.slot = slot;
  const auto ahead =
      std::chrono::duration_cast<std::chrono::microseconds>(slot.start - clock_.now());
  auto& entry = board_.tasks[loop.task->name()];
  entry.next_run = clock_.utc_now() + ahead;
  hooks_.planned(loop.task->name(), *entry.next_run);
}

Awaitable<void> Runner::run_loop(Loop& loop) {
  plan_next(loop, first_slot(clock_.now(), loop.index, loop.task->every(), hooks_.random()));
  while (!loop.removed && !stopping_) {
    const std::string name = loop.task->name();
    co_await clock_.sleep_until(loop.slot.start);
    if (!hooks_.database_is_up(*loop.task)) {
      board_.tasks[name].state = TaskState::waiting_for_database;
      co_await hooks_.wait_for_database();
      // The slots that passed meanwhile are this pass, not one more after it.
      const Slot missed = next_slot(loop.slot, loop.task->every(), clock_.now());
      if (missed.start <= clock_.now()) {
        loop.slot = missed;
      }
    }
    co_await run_once(loop);
  }
}

/// Marks a pass for as long as it lives, cancelled or not.
class Runner::PassMark {
 public:
  PassMark(Runner& runner, Loop& loop) : runner_{runner}, loop_{loop} { set(true); }
  ~PassMark() {
    set(false);
    runner_.pass_ended_.notify_all();
  }
  PassMark(const PassMark&) = delete;

 private:
  void set(bool running) {
    loop_.running = running;
    if (const auto entry = runner_.board_.tasks.find(loop_.task->name());
        entry != runner_.board_.tasks.end()) {
      entry->second.state = running ? TaskState::running : TaskState::waiting;
    }
  }

  Runner& runner_;
  Loop& loop_;
};

Awaitable<void> Runner::run_once(Loop& loop) {
  const std::shared_ptr<Task> task = loop.task;
  Report report;
  {
    const PassMark mark{*this, loop};
    const std::function<bool()> is_wanted = [this, &loop, task] {
      return !stopping_ && !loop.removed && loop.task == task;
    };
    report = co_await hooks_.execute(*task, is_wanted);
  }
  if (loop.removed) {
    co_return;
  }
  hooks_.reported(report);
  if (stopping_) {
    co_return;
  }
  const double random = hooks_.random();
  if (loop.replaced) {
    loop.replaced = false;
    plan_next(loop, first_slot(clock_.now(), loop.index, loop.task->every(), random));
  } else if (report.outcome == Outcome::failure || report.unfinished) {
    plan_next(loop, retry_slot(loop.slot, task->every(), clock_.now(),
                               board_.tasks[task->name()].failures_in_a_row, random));
  } else {
    plan_next(loop, next_slot(loop.slot, task->every(), clock_.now()));
  }
}

Awaitable<bool> Runner::passes_ended() {
  const auto any_running = [this] {
    const auto is_running = [](const std::unique_ptr<Loop>& loop) { return loop->running; };
    return std::ranges::any_of(leaving_, is_running) ||
           std::ranges::any_of(loops_, [&](const auto& item) { return is_running(item.second); });
  };
  while (any_running()) {
    co_await pass_ended_.wait();
  }
  co_return true;
}

Awaitable<void> Runner::stop(SteadyTime grace) {
  stopping_ = true;
  for (auto& [name, loop] : loops_) {
    if (!loop->running) {
      loop->group.cancel_all();
    }
    leaving_.push_back(std::move(loop));
  }
  loops_.clear();
  co_await async::with_deadline(passes_ended(), grace);
  for (const auto& loop : leaving_) {
    loop->group.cancel_all();
  }
  for (const auto& loop : leaving_) {
    co_await loop->group.join();
  }
  leaving_.clear();
}

}  // namespace pgcaretaker::task
