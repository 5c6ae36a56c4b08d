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

/// What archive.directory holds, by the manifests; no database.
[[nodiscard]] ExitCode archive_list(const CommandLine& line, const Configuration& configuration);

/// Reads the named archives back, or all; no database.
[[nodiscard]] ExitCode archive_verify(const CommandLine& line, const Configuration& configuration);

/// Makes a table from one archive, and attaches it with --attach.
[[nodiscard]] ExitCode archive_restore(const CommandLine& line, const Configuration& configuration);

/// Archives one table and leaves it as it is.
[[nodiscard]] ExitCode archive_write(const CommandLine& line, const Configuration& configuration);

/// Prints the effective settings.
[[nodiscard]] ExitCode check_config(const Configuration& configuration);

}  // namespace pgcaretaker::app
