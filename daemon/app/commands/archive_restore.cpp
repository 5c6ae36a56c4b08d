// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker archive restore`: makes a table from an archive.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "app/commands/archive_parts.hpp"
#include "app/commands/commands.hpp"
#include "app/one_shot.hpp"
#include "app/version.hpp"
#include "archive/error.hpp"
#include "archive/restore.hpp"
#include "partition/restored_catalog.hpp"
#include "partition/urgency.hpp"

namespace pgcaretaker::app {

namespace {

/// How the configuration treats partitions of `parent`; as it would by default where it does not
/// name it.
config::Partition settings_of(const config::TableName& parent, const config::Settings& settings) {
  const auto found = std::ranges::find(settings.partitions, parent, &config::Partition::table);
  if (found != settings.partitions.end()) return *found;
  config::Partition unnamed;
  unnamed.table = parent;
  return unnamed;
}

/// What the configuration names is looked at before the work of hours.
Awaitable<void> warn_of_retention(pg::Connection& connection, const config::Partition& settings,
                                  const archive::RestoreRequest& request) {
  const bool expires = co_await partition::expires_at_once(connection, settings, request.as,
                                                           request.manifest.bounds);
  if (!expires) co_return;
  fmt::print(stderr,
             "pgcaretaker: {} is past the retention of {}: the next pass detaches it again; raise "
             "retention or let hold_query keep it first, or restore with --as\n",
             request.as.text(), settings.table.text());
}

Awaitable<ExitCode> restore_one(OneShot& shot, archive::RestoreRequest& request) {
  pg::SideThread thread{farewell};
  ProgressLine progress;
  archive::Workshop workshop{shot.configuration.settings.archive, std::string{version()}, thread,
                             shot.clock};
  workshop.on_progress = shown_on(progress);
  std::unique_ptr<pg::Connection> watch;
  try {
    const pg::Loan loan = co_await shot.pools.shared->acquire();
    if (request.attach && request.manifest.parent) {
      const Configuration& configuration = shot.configuration;
      auto options =
          connect_options(configuration.settings.database, configuration.secrets, "watch");
      watch = co_await pg::Connection::connect(std::move(options), shot.canceller);
      request.watch = watch.get();
      const auto settings = settings_of(*request.manifest.parent, shot.configuration.settings);
      // A person waits, so in the end it asks once whoever is in the way.
      request.effort = partition::effort_of(settings, partition::Urgency::pressed);
      co_await warn_of_retention(loan.connection(), settings, request);
      auto likeness =
          co_await partition::likeness_of_restored(loan.connection(), settings, request.as);
      request.before_attach = std::move(likeness.before_attach);
      request.after_attach = std::move(likeness.after_attach);
    }
    const archive::Restored restored =
        co_await archive::restore(loan.connection(), request, workshop);
    fmt::print("{} rows restored into {}{}\n", restored.rows, request.as.text(),
               request.attach ? ", attached to " + request.manifest.parent->text() : "");
    for (const std::string& difference : restored.differences) {
      fmt::print(stderr, "pgcaretaker: {}: {}\n", request.as.text(), difference);
    }
  } catch (const archive::Error& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    co_return ExitCode::task_failed;
  }
  co_return ExitCode::ok;
}

}  // namespace

ExitCode archive_restore(const CommandLine& line, const Configuration& configuration) {
  ExitCode code = ExitCode::ok;
  const auto chosen = named_archives(line, configuration, code);
  if (!chosen) return code;
  const archive::Stored& stored = chosen->front();
  if (!stored.manifest) {
    fmt::print(stderr, "pgcaretaker: {}: {}\n", stored.name, stored.problem);
    return ExitCode::task_failed;
  }
  archive::RestoreRequest request;
  request.folder = stored.folder;
  request.manifest = *stored.manifest;
  request.as = stored.manifest->table;
  request.attach = line.attach;
  if (!line.as_table.empty()) {
    const auto name = config::parse_table_name(line.as_table);
    if (!name) {
      fmt::print(stderr, "pgcaretaker: --as wants SCHEMA.TABLE, not '{}'\n", line.as_table);
      return ExitCode::usage;
    }
    request.as = *name;
  }
  // Stopped in the middle of a COPY it would keep its locks, and see nobody wait.
  if (request.attach) std::signal(SIGTSTP, SIG_IGN);
  return run_one_shot(line, configuration,
                      [&](OneShot& shot) { return restore_one(shot, request); });
}

}  // namespace pgcaretaker::app
