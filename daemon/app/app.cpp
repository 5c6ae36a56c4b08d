// SPDX-License-Identifier: Apache-2.0
// How the parts of the daemon hang together.
#include "app/app.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/system/system_error.hpp>

#include "app/sd_notify.hpp"
#include "app/version.hpp"
#include "async/random.hpp"
#include "async/run_to_end.hpp"
#include "http/listener.hpp"
#include "http/routes.hpp"
#include "task/pass.hpp"
#include "task/publish.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::app {

namespace {

using telemetry::Metric;
using telemetry::Sample;

}  // namespace

App::App(CommandLine line, Configuration configuration)
    : line_{std::move(line)},
      configuration_{std::move(configuration)},
      signals_{loop_, SIGHUP, SIGTERM, SIGINT},
      metrics_{configuration_.settings, version()},
      database_changed_{loop_.get_executor()},
      lease_group_{loop_.get_executor()},
      tasks_{make_tasks(configuration_.settings, archive_turn_)},
      runner_{loop_.get_executor(), clock_, board_, runner_hooks()},
      server_{make_server(configuration_.settings.http)},
      background_{loop_.get_executor()} {
  board_.daemon.version = version();
  board_.daemon.started = clock_.utc_now();
  wire_sessions();
  configuration_loaded(true, "");
}

ExitCode App::run() {
  try {
    return async::run_to_end(loop_, live());
  } catch (const std::exception& error) {
    // A bug. Coroutines may be suspended anywhere, so nothing is unwound: whatever is under way is
    // a transaction, which the server rolls back, and the supervisor starts us again.
    telemetry::log_error(fmt::format("internal error, leaving: {}", error.what()));
    _exit(static_cast<int>(ExitCode::internal));
  }
}

Awaitable<ExitCode> App::live() {
  server_->start();
  lease_group_.spawn("lease", lease_->run());
  background_.spawn("watchdog", feed_watchdog(clock_));
  runner_.configure(tasks_);
  telemetry::log_info("started", telemetry::Fields{{"version", std::string{version()}},
                                                   {"http", server_->address()},
                                                   {"tasks", tasks_.size()}});
  if (configuration_.settings.partitions.empty() && configuration_.settings.outboxes.empty()) {
    telemetry::log_warn("no table is configured: only the server's connections are watched",
                        telemetry::Fields{{"config", line_.config_file}});
  }
  notify_ready();
  show_status();
  co_await handle_signals();
  co_await drain();
  co_return ExitCode::ok;
}

/// Sessions for the settings in force. The lease coroutine of the old ones must have ended.
void App::wire_sessions() {
  const auto& settings = configuration_.settings;
  pools_ = std::make_unique<Pools>(settings.database, configuration_.secrets, canceller_,
                                   loop_.get_executor());
  lease_ = std::make_unique<task::Lease>(
      settings.lease, connect_options(settings.database, configuration_.secrets, "lease"),
      canceller_, clock_, [this](const task::LeaseState& state) { lease_changed(state); });
  board_.daemon.lease_enabled = settings.lease.enabled;
  lease_changed(lease_->state());
}

void App::lease_changed(const task::LeaseState& state) {
  auto& daemon = board_.daemon;
  const bool taken_over = state.held && !daemon.lease_held;
  daemon.database_up = state.database_up;
  daemon.database_error = state.error;
  daemon.database_peer = state.peer;
  daemon.server_version = state.server_version;
  daemon.lease_held = state.held;
  metrics_.record(Sample{Metric::database_up, {}, state.database_up ? 1.0 : 0.0});
  metrics_.record(Sample{Metric::lease_held, {}, state.held ? 1.0 : 0.0});
  database_changed_.notify_all();
  show_status();
  if (taken_over) {
    runner_.nudge();  // what was only watched so far may have work by now
  }
}

void App::configuration_loaded(bool ok, const std::string& problem) {
  auto& daemon = board_.daemon;
  daemon.config_reload_ok = ok;
  daemon.config_error = problem;
  metrics_.record(Sample{Metric::config_last_reload_successful, {}, ok ? 1.0 : 0.0});
  if (ok) {
    daemon.config_loaded = clock_.utc_now();
    metrics_.record(Sample{Metric::config_last_reload_success_timestamp_seconds,
                           {},
                           telemetry::unix_seconds(daemon.config_loaded)});
  }
}

void App::show_status() {
  const auto& daemon = board_.daemon;
  if (daemon.stopping) {
    notify_status("stopping: letting running steps end");
  } else if (!daemon.database_up) {
    notify_status("database is down: " +
                  (daemon.database_error.empty() ? "connecting" : daemon.database_error));
  } else {
    notify_status(fmt::format("{} {} tasks on {}", daemon.lease_held ? "keeping" : "watching",
                              tasks_.size(), daemon.database_peer));
  }
}

std::unique_ptr<http::Server> App::make_server(const config::Http& settings) {
  const auto handler = [this](const http::Request& request) {
    const std::function<std::string()> render_metrics = [this] { return metrics_.render(); };
    return http::route(request,
                       http::RouteContext{board_, http::Now{clock_.utc_now(), clock_.now()},
                                          configuration_.secrets.metrics_bearer, render_metrics});
  };
  return std::make_unique<http::Server>(loop_.get_executor(), settings.listen, http::Limits{},
                                        handler);
}

task::RunnerHooks App::runner_hooks() {
  task::RunnerHooks hooks;
  hooks.execute = [this](task::Task& task, std::function<bool()> is_wanted) {
    return execute(task, std::move(is_wanted));
  };
  hooks.wait_for_database = [this] { return wait_for_database(); };
  hooks.database_is_up = [this](const task::Task& task) {
    // A server without a free slot refuses the lease's session; the open one still sees why.
    return board_.daemon.database_up ||
           (task.needs_own_session() && pools_->saturation->open() > 0);
  };
  hooks.reported = [this](const task::Report& report) { publish(report, board_, metrics_); };
  hooks.planned = [this](const std::string& task, UtcTime when) {
    metrics_.record(
        Sample{Metric::task_next_run_timestamp_seconds, {task}, telemetry::unix_seconds(when)});
  };
  hooks.random = async::random_fraction;
  return hooks;
}

/// A reload may replace the pools and the lease meanwhile: this pass keeps the session it began
/// with, and begins nothing new under a lease that is not the one of its database.
Awaitable<task::Report> App::execute(task::Task& task, std::function<bool()> is_wanted) {
  const std::shared_ptr<pg::Pool> pool = pools_->of(task);
  task::PassOptions options;
  options.may_act = [this, &task, pool, is_wanted] {
    return pools_->of(task) == pool && lease_->may_act() && is_wanted();
  };
  options.observed = [this](const task::Report& observed) {
    publish_observation(observed, board_, metrics_);
  };
  options.progress = [this, name = task.name()](const task::StepProgress& progress) {
    publish_progress(name, progress, clock_.now(), board_, metrics_);
  };
  task::Report report = co_await task::run_pass(task, *pool, clock_, options);
  co_return report;
}

Awaitable<void> App::wait_for_database() {
  while (!board_.daemon.database_up) {
    co_await database_changed_.wait();
  }
}

ExitCode run(const CommandLine& line, const Configuration& configuration) {
  std::unique_ptr<App> app;
  try {
    app = std::make_unique<App>(line, configuration);
  } catch (const http::AddressInUse& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    return ExitCode::unavailable;
  } catch (const boost::system::system_error&) {
    throw;  // no descriptors for a loop, for one: nothing that a configuration can mend
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    return ExitCode::configuration;
  }
  return app->run();
}

}  // namespace pgcaretaker::app
