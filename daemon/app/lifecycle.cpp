// SPDX-License-Identifier: Apache-2.0
// Signals: reload, drained stop, leaving at once.
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <csignal>
#include <cstring>

#include "app/app.hpp"
#include "app/sd_notify.hpp"
#include "task/lease.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::app {

namespace {

using namespace std::chrono_literals;

/// The stop in numbers, 10 s in all: running steps get `step_grace` to reach a safe point; then
/// they are cancelled, which the postgres room bounds; HTTP answers under way get `http_grace`. The
/// unit's TimeoutStopSec stands above the sum.
constexpr Duration step_grace = 4s;
constexpr Duration http_grace = 1s;

}  // namespace

Awaitable<void> App::handle_signals() {
  for (;;) {
    const int signal = co_await signals_.async_wait(asio::use_awaitable);
    if (signal != SIGHUP) {
      telemetry::log_info("stopping", telemetry::Fields{{"signal", strsignal(signal)}});
      co_return;
    }
    co_await reload();
  }
}

/// From here on a second SIGTERM or SIGINT ends the process without ceremony: whatever is under way
/// is one transaction, which the server rolls back.
void App::leave_at_once_on_next_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) {
      return;
    }
    if (signal == SIGHUP) {
      leave_at_once_on_next_signal();
      return;
    }
    _exit(static_cast<int>(ExitCode::interrupted));
  });
}

Awaitable<void> App::drain() {
  leave_at_once_on_next_signal();
  board_.daemon.stopping = true;
  notify_stopping();
  show_status();
  co_await runner_.stop(clock_.now() + step_grace);
  pools_->shared->close();
  pools_->saturation->close();
  lease_group_.cancel_all();
  co_await lease_group_.join();
  co_await server_->stop(clock_.now() + http_grace);
  background_.cancel_all();
  co_await background_.join();
  signals_.cancel();
  telemetry::log_info("stopped");
}

Awaitable<void> App::reload() {
  notify_reloading();
  std::string problem;
  const bool ok = co_await try_reload(problem);
  configuration_loaded(ok, problem);
  if (ok) {
    telemetry::log_info("configuration reloaded", telemetry::Fields{{"tasks", tasks_.size()}});
  } else {
    telemetry::log_error("configuration not reloaded, the old settings stay: " + problem);
  }
  notify_ready();
  show_status();
}

/// All or nothing: everything that can fail happens before anything is replaced.
Awaitable<bool> App::try_reload(std::string& problem) {
  config::Problems problems;
  auto fresh = read_configuration(line_, problems);
  if (!fresh) {
    for (const auto& each : problems) {
      telemetry::log_error(each.line_text());
    }
    problem = problems.front().line_text();
    co_return false;
  }
  std::unique_ptr<http::Server> server;
  if (fresh->settings.http.listen != configuration_.settings.http.listen) {
    try {
      server = make_server(fresh->settings.http);
    } catch (const std::runtime_error& error) {
      problem = error.what();
      co_return false;
    }
  }
  const config::Settings before = configuration_.settings;
  const bool sessions_changed =
      before.database != fresh->settings.database || before.lease != fresh->settings.lease ||
      configuration_.secrets.database_password != fresh->secrets.database_password;
  configuration_ = std::move(*fresh);
  telemetry::configure_log(configuration_.settings.log);
  metrics_.reconfigure(configuration_.settings);
  if (server) {
    std::swap(server, server_);
    server_->start();
    co_await server->stop(clock_.now() + http_grace);
  }
  if (sessions_changed) {
    lease_group_.cancel_all();
    co_await lease_group_.join();
    wire_sessions();
    lease_group_.spawn("lease", lease_->run());
  }
  tasks_ = make_tasks(configuration_.settings, archive_turn_, &before, tasks_);
  runner_.configure(tasks_);
  runner_.nudge();
  co_return true;
}

}  // namespace pgcaretaker::app
