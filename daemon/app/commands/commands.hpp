// SPDX-License-Identifier: Apache-2.0
// The commands. Each prints its result to stdout, its complaints to stderr, one line each.
#pragma once

#include "app/boot.hpp"
#include "app/command_line.hpp"
#include "exit_code.hpp"

namespace pgcaretaker::app {

/// One pass of the chosen tasks, one after the other.
[[nodiscard]] ExitCode once(const CommandLine& line, const Configuration& configuration);

/// observe and plan of the chosen tasks; changes nothing.
[[nodiscard]] ExitCode plan(const CommandLine& line, const Configuration& configuration);

/// Asks a running daemon; `configuration` says where it listens unless --url does.
[[nodiscard]] ExitCode status(const CommandLine& line);

/// Prints the effective settings.
[[nodiscard]] ExitCode check_config(const Configuration& configuration);

}  // namespace pgcaretaker::app
