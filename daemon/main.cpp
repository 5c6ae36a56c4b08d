// SPDX-License-Identifier: Apache-2.0
// Arguments -> settings -> command -> exit code.
#include <csignal>
#include <cstdio>
#include <exception>

#include "app/app.hpp"
#include "app/command_line.hpp"
#include "app/commands/commands.hpp"

namespace {

using namespace pgcaretaker;

ExitCode run_command(const app::CommandLine& line) {
  if (line.command == app::Command::status) {
    return app::status(line);
  }
  const auto configuration = app::boot(line);
  if (!configuration) {
    return ExitCode::configuration;
  }
  switch (line.command) {
    case app::Command::once:
      return app::once(line, *configuration);
    case app::Command::plan:
      return app::plan(line, *configuration);
    case app::Command::check_config:
      return app::check_config(*configuration);
    case app::Command::archive_list:
      return app::archive_list(line, *configuration);
    case app::Command::archive_verify:
      return app::archive_verify(line, *configuration);
    case app::Command::archive_restore:
      return app::archive_restore(line, *configuration);
    case app::Command::archive_write:
      return app::archive_write(line, *configuration);
    default:
      return app::run(line, *configuration);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away (a closed pipe, a dropped HTTP client) is an error code, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const auto parsed = app::parse_command_line(argc, argv);
    if (const auto* early = std::get_if<app::EarlyExit>(&parsed)) {
      std::fputs(early->text.c_str(), early->code == ExitCode::ok ? stdout : stderr);
      return static_cast<int>(early->code);
    }
    return static_cast<int>(run_command(std::get<app::CommandLine>(parsed)));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pgcaretaker: internal error: %s\n", error.what());
    return static_cast<int>(ExitCode::internal);
  }
}
