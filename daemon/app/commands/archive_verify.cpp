// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker archive verify`: reads archives back; needs no database.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>

#include "app/commands/archive_parts.hpp"
#include "app/commands/commands.hpp"
#include "archive/verify.hpp"
#include "async/run_to_end.hpp"

namespace pgcaretaker::app {

namespace {

Awaitable<std::vector<std::string>> faults_of(pg::SideThread& thread, const archive::Stored& stored,
                                              archive::OnProgress on_progress) {
  archive::Progress progress;
  progress.subject = stored.name;
  progress.rows_total =
      stored.manifest->rows * static_cast<std::int64_t>(stored.manifest->files.size());
  co_return co_await archive::verify(thread, stored.folder, *stored.manifest, progress,
                                     on_progress);
}

/// True when it is good; says so either way.
bool verify_one(asio::io_context& loop, const archive::Stored& stored) {
  std::vector<std::string> faults;
  if (stored.manifest) {
    pg::SideThread thread{farewell};
    ProgressLine progress;
    loop.restart();
    faults = async::run_to_end(loop, faults_of(thread, stored, shown_on(progress)));
  } else {
    faults.push_back(stored.problem);
  }
  for (const std::string& fault : faults) {
    fmt::print(stderr, "pgcaretaker: {}: {}\n", stored.name, fault);
  }
  if (faults.empty()) fmt::print("{}: good, {} rows\n", stored.name, stored.manifest->rows);
  return faults.empty();
}

}  // namespace

ExitCode archive_verify(const CommandLine& line, const Configuration& configuration) {
  ExitCode code = ExitCode::ok;
  const auto chosen = named_archives(line, configuration, code);
  if (!chosen) return code;
  asio::io_context loop{1};
  for (const archive::Stored& stored : *chosen) {
    if (!verify_one(loop, stored)) code = ExitCode::task_failed;
  }
  return code;
}

}  // namespace pgcaretaker::app
