// SPDX-License-Identifier: Apache-2.0
// Command line -> settings and secrets, or every problem printed.
#pragma once

#include <optional>

#include "app/command_line.hpp"
#include "config/secret.hpp"
#include "config/settings.hpp"

namespace pgcaretaker::app {

struct Configuration {
  config::Settings settings;
  config::Secrets secrets;
};

/// Reads the file, the overrides and the secrets; fills `problems` with all there are. Blocks on
/// files.
[[nodiscard]] std::optional<Configuration> read_configuration(const CommandLine& line,
                                                              config::Problems& problems);

/// What the process logs: `configured`, except for `once`. That one reports on stdout, so its log
/// begins at warnings, and where both go to one terminal there is none: no act is told twice. A
/// level on the command line is what was asked for, always.
[[nodiscard]] config::LogLevel log_level(const CommandLine& line, config::LogLevel configured,
                                         bool report_and_log_on_terminal);

/// Where a daemon answers, and what it wants to see.
struct Address {
  std::string listen;  // as http.listen
  std::optional<config::Secret> bearer;
};

/// For a command that only asks a daemon: no other secret is read, which not every user may.
/// Problems of the file go to stderr, one line each.
[[nodiscard]] std::optional<Address> address(const CommandLine& line);

/// Same as read_configuration() for a command about to start: problems go to stderr, one line each;
/// the log is configured.
[[nodiscard]] std::optional<Configuration> boot(const CommandLine& line);

}  // namespace pgcaretaker::app
