// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker once`.
#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/commands/progress_line.hpp"
#include "app/one_shot.hpp"
#include "task/lease.hpp"
#include "task/pass.hpp"

namespace pgcaretaker::app {

namespace {

void print_report(const task::Report& report) {
  fmt::print("{}: {} in {} ms\n", report.task, task::outcome_text(report.outcome),
             std::chrono::duration_cast<Duration>(report.duration).count());
  for (const auto& act : report.acts) {
    fmt::print("  {} {}: {} ({} ms){}\n", act.action, act.subject, act.result, act.duration.count(),
               act.rows == 0 ? "" : fmt::format(", {} rows", act.rows));
  }
  for (const auto& finding : report.findings) {
    fmt::print("  {} [{}] {}: {}\n", task::severity_text(finding.severity), finding.code,
               finding.subject, finding.text);
  }
  if (!report.error.empty()) {
    fmt::print("  failed: {}\n", report.error);
  }
  std::fflush(stdout);
}

/// The worst of all tasks decides: a lost database, then a failure, then a finding for a person.
class Verdict {
 public:
  void add(const task::Report& report) {
    // Held back means that the session with the lease has gone.
    lost_ = lost_ || report.connection_lost || report.outcome == task::Outcome::skipped;
    failed_ = failed_ || report.outcome == task::Outcome::failure;
    needs_person_ = needs_person_ || report.outcome == task::Outcome::needs_person;
  }
  [[nodiscard]] ExitCode code() const {
    if (lost_) {
      return ExitCode::unavailable;
    }
    if (failed_) {
      return ExitCode::task_failed;
    }
    return needs_person_ ? ExitCode::needs_person : ExitCode::ok;
  }

 private:
  bool lost_ = false;
  bool failed_ = false;
  bool needs_person_ = false;
};

Awaitable<ExitCode> run_tasks(OneShot& shot) {
  const auto& settings = shot.configuration.settings;
  // The session stays open to the end: it is what holds the lease.
  const auto session = co_await pg::Connection::connect(
      connect_options(settings.database, shot.configuration.secrets, "lease"), shot.canceller);
  if (settings.lease.enabled && !co_await task::try_lease(*session, settings.lease.key)) {
    fmt::print(stderr,
               "pgcaretaker: the lease '{}' is held elsewhere: another pgcaretaker acts on this "
               "database; stop it, or use plan or status\n",
               settings.lease.key);
    co_return ExitCode::lease_held;
  }
  Verdict verdict;
  ProgressLine progress;
  for (const auto& task : shot.tasks) {
    task::PassOptions options;
    options.may_act = [&session] { return session->check_open(); };
    options.progress = [&progress](const task::StepProgress& seen) {
      seen.text.empty() ? progress.clear() : progress.show(seen.text);
    };
    const task::Report report =
        co_await task::run_pass(*task, *shot.pools.of(*task), shot.clock, options);
    progress.clear();
    print_report(report);
    verdict.add(report);
  }
  co_return verdict.code();
}

}  // namespace

ExitCode once(const CommandLine& line, const Configuration& configuration) {
  return run_one_shot(line, configuration, run_tasks);
}

}  // namespace pgcaretaker::app
