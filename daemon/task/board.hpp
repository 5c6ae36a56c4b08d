// SPDX-License-Identifier: Apache-2.0
// The latest report of every task and the state of the daemon: everything outward reads only this.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "task/progress.hpp"
#include "task/report.hpp"

namespace pgcaretaker::task {

enum class TaskState { waiting, running, waiting_for_database };

[[nodiscard]] std::string_view task_state_text(TaskState state);

struct TaskEntry {
  TaskState state = TaskState::waiting;
  Duration every{0};
  Duration deadline{0};
  SteadyTime silent_since;  // latest success or progress; before the first, the start or the
                            // reload that brought the task
  std::optional<UtcTime> next_run;
  std::optional<UtcTime> last_success;
  std::optional<Report> last;            // latest finished pass
  std::optional<StepProgress> progress;  // of a long step that is under way
  std::uint64_t runs = 0;
  std::uint64_t overruns = 0;  // passes cancelled at their deadline
  std::uint64_t failures_in_a_row = 0;
};

struct DaemonState {
  std::string version;
  UtcTime started;
  bool stopping = false;
  bool database_up = false;
  std::string database_peer;   // masked; "" until connected
  std::string database_error;  // why it is down; "" when up
  int server_version = 0;
  bool lease_enabled = true;
  bool lease_held = false;
  bool config_reload_ok = true;
  UtcTime config_loaded;
  std::string config_error;  // first problem of a refused reload
};

/// Plain data, one writer (the loop). Tasks in the order of the configuration.
struct Board {
  DaemonState daemon;
  std::vector<std::string> order;
  std::map<std::string, TaskEntry> tasks;

  /// Reasons why /ready is 503, one clause each; empty = ready. Overdue: no success, nor progress
  /// of a long step, for longer than
  /// `every` + `deadline` + a minute past the planned run. By the monotonic clock, because the
  /// calendar's may be set meanwhile.
  [[nodiscard]] std::vector<std::string> not_ready_reasons(SteadyTime now) const;
};

}  // namespace pgcaretaker::task
