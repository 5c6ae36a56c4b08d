// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker archive write`: an archive of one table, which stays as it is.
#include <fmt/format.h>

#include "app/commands/archive_parts.hpp"
#include "app/commands/commands.hpp"
#include "app/one_shot.hpp"
#include "app/version.hpp"
#include "archive/catalog.hpp"
#include "archive/error.hpp"
#include "archive/write.hpp"
#include "partition/marker.hpp"

namespace pgcaretaker::app {

namespace {

/// As retention archives a table that it has detached, so that it finds this archive. Any other is
/// in use, by whom we do not know.
Awaitable<void> complete(pg::Connection& connection, archive::Subject& subject) {
  const pg::Result comment = co_await connection.query(
      "archive.comment",
      "SELECT coalesce(pg_catalog.obj_description($1::oid, 'pg_class'), '') AS comment",
      subject.oid);
  std::string text;
  for (const pg::Row row : comment) {
    text = row.get<std::string>("comment");
  }
  const auto marker = partition::parse_marker(text);
  if (subject.parent || !marker || marker->oid != subject.oid || !marker->is_guarded()) co_return;
  subject.parent = config::parse_table_name(marker->table);
  subject.bounds = marker->bounds;
  subject.is_detached = true;
}

Awaitable<void> write_one(OneShot& shot, const config::TableName& table) {
  pg::SideThread thread{farewell};
  ProgressLine progress;
  archive::Workshop workshop{shot.configuration.settings.archive, std::string{version()}, thread,
                             shot.clock};
  workshop.on_progress = shown_on(progress);
  const pg::Loan loan = co_await shot.pools.shared->acquire();
  const archive::Found found = co_await archive::find_table(loan.connection(), table);
  if (found.oid == 0) {
    throw archive::Error{fmt::format("there is no table {}", table.text())};
  }
  archive::Subject subject;
  subject.oid = found.oid;
  subject.table = table;
  subject.parent = found.parent;
  subject.bounds = found.bounds;
  subject.is_detached = false;
  co_await complete(loan.connection(), subject);
  const archive::Archived archived =
      co_await archive::archive_table(loan.connection(), subject, workshop);
  fmt::print("{}: {} rows, {}\n", archived.name, archived.manifest.rows,
             archived.was_there ? "was there already, and is good" : "written and read back");
  if (archived.is_lifted) {
    fmt::print(
        stderr,
        "pgcaretaker: row-level security of {0} is not forced again, since somebody uses it: "
        "ALTER TABLE {1} FORCE ROW LEVEL SECURITY\n",
        table.text(), table.sql());
  }
}

Awaitable<ExitCode> write_or_say(OneShot& shot, const config::TableName& table) {
  try {
    co_await write_one(shot, table);
  } catch (const archive::Error& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    co_return ExitCode::task_failed;
  }
  co_return ExitCode::ok;
}

}  // namespace

ExitCode archive_write(const CommandLine& line, const Configuration& configuration) {
  const auto table = config::parse_table_name(line.names.front());
  if (!table) {
    fmt::print(stderr, "pgcaretaker: archive write wants SCHEMA.TABLE, not '{}'\n",
               line.names.front());
    return ExitCode::usage;
  }
  if (configuration.settings.archive.directory.empty()) {
    fmt::print(stderr, "pgcaretaker: there is no place for archives: set archive.directory\n");
    return ExitCode::configuration;
  }
  return run_one_shot(line, configuration,
                      [&](OneShot& shot) { return write_or_say(shot, *table); });
}

}  // namespace pgcaretaker::app
