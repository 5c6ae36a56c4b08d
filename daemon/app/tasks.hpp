// SPDX-License-Identifier: Apache-2.0
// Settings -> tasks: the one place that knows every kind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/workplace.hpp"
#include "config/settings.hpp"
#include "postgres/pool.hpp"
#include "task/task.hpp"

namespace pgcaretaker::app {

/// All tasks of `settings`, in the order of config::task_names(). With `before`, a task whose
/// settings have not changed is the same object as there, so that it keeps its schedule and its
/// memory. `archive_turn` is the same for all tasks of the process that may be alive at one time.
[[nodiscard]] std::vector<std::shared_ptr<task::Task>> make_tasks(
    const config::Settings& settings, std::shared_ptr<archive::Turn> archive_turn,
    const config::Settings* settings_before = nullptr,
    const std::vector<std::shared_ptr<task::Task>>& tasks_before = {});

/// The tasks that --task `wanted` names: full names or kinds; all when empty. `unknown` gets the
/// first name that fits nothing.
[[nodiscard]] std::vector<std::shared_ptr<task::Task>> select_tasks(
    const std::vector<std::shared_ptr<task::Task>>& tasks, const std::vector<std::string>& wanted,
    std::string& unknown);

/// The two pools tasks draw from.
struct Pools {
  Pools(const config::Database& database, const config::Secrets& secrets, pg::Canceller& canceller,
        const asio::any_io_executor& executor);

  std::shared_ptr<pg::Pool> shared;      // database.connections sessions for all tasks
  std::shared_ptr<pg::Pool> saturation;  // one, kept for tasks with needs_own_session()

  [[nodiscard]] std::shared_ptr<pg::Pool> of(const task::Task& task) const {
    return task.needs_own_session() ? saturation : shared;
  }
};

/// How a session for `purpose` is opened.
[[nodiscard]] pg::ConnectOptions connect_options(const config::Database& database,
                                                 const config::Secrets& secrets,
                                                 std::string purpose);

}  // namespace pgcaretaker::app
