// SPDX-License-Identifier: Apache-2.0
// What `once` and `plan` share: a loop, a database that must be there, the chosen tasks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "app/boot.hpp"
#include "app/tasks.hpp"
#include "async/clock.hpp"
#include "postgres/canceller.hpp"

namespace pgcaretaker::app {

struct OneShot {
  const CommandLine& line;
  const Configuration& configuration;
  async::Clock& clock;
  pg::Canceller& canceller;
  Pools& pools;
  const std::vector<std::shared_ptr<task::Task>>& tasks;
};

/// Chooses the tasks (an unknown name is wrong usage) and runs `work` to its end. A database that
/// cannot be reached ends in one line and unavailable, wherever it happens.
[[nodiscard]] ExitCode run_one_shot(const CommandLine& line, const Configuration& configuration,
                                    const std::function<Awaitable<ExitCode>(OneShot&)>& work);

}  // namespace pgcaretaker::app
