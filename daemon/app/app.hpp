// SPDX-License-Identifier: Apache-2.0
// The composition root of `run`: its members in order are the wiring.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>

#include "app/boot.hpp"
#include "app/tasks.hpp"
#include "async/clock.hpp"
#include "async/notifier.hpp"
#include "async/task_group.hpp"
#include "http/server.hpp"
#include "postgres/canceller.hpp"
#include "task/board.hpp"
#include "task/lease.hpp"
#include "task/runner.hpp"
#include "telemetry/metrics.hpp"

namespace pgcaretaker::app {

class App {
 public:
  /// Binds the HTTP address. Throws std::runtime_error with one line when that is not possible,
  /// http::AddressInUse when another process listens there.
  App(CommandLine line, Configuration configuration);

  /// Runs until a signal ends it. Blocks.
  ExitCode run();

 private:
  Awaitable<ExitCode> live();
  Awaitable<void> handle_signals();
  Awaitable<void> reload();
  Awaitable<bool> try_reload(std::string& problem);
  Awaitable<void> drain();
  void leave_at_once_on_next_signal();

  void wire_sessions();
  void lease_changed(const task::LeaseState& state);
  void configuration_loaded(bool ok, const std::string& problem);
  void show_status();
  std::unique_ptr<http::Server> make_server(const config::Http& settings);
  task::RunnerHooks runner_hooks();
  Awaitable<task::Report> execute(task::Task& task, std::function<bool()> is_wanted);
  Awaitable<void> wait_for_database();

  CommandLine line_;
  Configuration configuration_;
  asio::io_context loop_{1};
  async::RealClock clock_;
  asio::signal_set signals_;
  pg::Canceller canceller_;
  task::Board board_;
  telemetry::Metrics metrics_;
  async::Notifier database_changed_;
  std::unique_ptr<Pools> pools_;        // replaced by a reload; a running pass keeps its pool
  std::unique_ptr<task::Lease> lease_;  // replaced by a reload, after its coroutine has ended
  async::TaskGroup lease_group_;
  std::shared_ptr<archive::Turn> archive_turn_ = std::make_shared<archive::Turn>();
  std::vector<std::shared_ptr<task::Task>> tasks_;
  task::Runner runner_;
  std::unique_ptr<http::Server> server_;
  async::TaskGroup background_;  // watchdog
};

/// `pgcaretaker run`.
[[nodiscard]] ExitCode run(const CommandLine& line, const Configuration& configuration);

}  // namespace pgcaretaker::app
