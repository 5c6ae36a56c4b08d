// SPDX-License-Identifier: Apache-2.0
// What the `archive` commands share: the directory and the named archives.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/boot.hpp"
#include "app/commands/progress_line.hpp"
#include "archive/progress.hpp"
#include "archive/store.hpp"
#include "exit_code.hpp"

namespace pgcaretaker::app {

/// How long a command that ends waits for a call to the disk.
inline constexpr Duration farewell = std::chrono::seconds{1};

/// Everything in archive.directory, or nullopt after a line on stderr; `code` is how to leave then.
[[nodiscard]] std::optional<std::vector<archive::Stored>> stored_archives(
    const Configuration& configuration, ExitCode& code);

/// The archives that the command line names, all when it names none; as stored_archives().
[[nodiscard]] std::optional<std::vector<archive::Stored>> named_archives(
    const CommandLine& line, const Configuration& configuration, ExitCode& code);

/// What shows the progress of an archive on `line`, which must outlive it.
[[nodiscard]] archive::OnProgress shown_on(ProgressLine& line);

/// 1.2 GB, for people.
[[nodiscard]] std::string size_text(std::int64_t bytes);

}  // namespace pgcaretaker::app
