// SPDX-License-Identifier: Apache-2.0
// One-shot commands.
#include "app/one_shot.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "async/run_to_end.hpp"

namespace pgcaretaker::app {

namespace {

ExitCode complain_unknown_task(const std::string& unknown,
                               const std::vector<std::shared_ptr<task::Task>>& tasks) {
  std::vector<std::string> names;
  std::ranges::transform(tasks, std::back_inserter(names),
                         [](const auto& task) { return task->name(); });
  fmt::print(stderr, "pgcaretaker: no task '{}'; there are {}\n", unknown, fmt::join(names, ", "));
  return ExitCode::usage;
}

}  // namespace

ExitCode run_one_shot(const CommandLine& line, const Configuration& configuration,
                      const std::function<Awaitable<ExitCode>(OneShot&)>& work) {
  const auto all = make_tasks(configuration.settings, std::make_shared<archive::Turn>());
  std::string unknown;
  const auto tasks = select_tasks(all, line.tasks, unknown);
  if (!unknown.empty()) {
    return complain_unknown_task(unknown, all);
  }
  asio::io_context loop{1};
  async::RealClock clock;
  pg::Canceller canceller;
  Pools pools{configuration.settings.database, configuration.secrets, canceller,
              loop.get_executor()};
  OneShot shot{line, configuration, clock, canceller, pools, tasks};
  try {
    return async::run_to_end(loop, work(shot));
  } catch (const pg::Error& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    return error.is_connection_lost() ? ExitCode::unavailable : ExitCode::task_failed;
  }
}

}  // namespace pgcaretaker::app
