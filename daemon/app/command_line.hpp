// SPDX-License-Identifier: Apache-2.0
// argv -> what to do.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/load.hpp"
#include "exit_code.hpp"

namespace pgcaretaker::app {

enum class Command {
  run,
  once,
  plan,
  status,
  check_config,
  archive_list,
  archive_verify,
  archive_restore,
  archive_write
};

struct CommandLine {
  Command command = Command::run;
  std::string config_file = "/etc/pgcaretaker/pgcaretaker.toml";
  bool config_file_given = false;
  std::vector<config::Override> overrides;  // --set, and --log-level as one of them
  std::vector<std::string> tasks;           // --task NAME or KIND; empty = all
  bool json = false;
  std::vector<std::string> names;  // of `archive`: archives, or the one table of `write`
  std::string as_table;            // of `archive restore`: --as; "" = the archived name
  bool attach = false;
  std::string url;  // of `status`; "" = where the configuration listens
};

/// Nothing to run: text to print and how to leave (--help, --version, wrong usage).
struct EarlyExit {
  ExitCode code = ExitCode::ok;
  std::string text;  // for stdout when code is ok, else one line for stderr
};

[[nodiscard]] std::variant<CommandLine, EarlyExit> parse_command_line(int argc,
                                                                      const char* const* argv);

}  // namespace pgcaretaker::app
