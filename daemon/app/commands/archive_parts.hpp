// SPDX-License-Identifier: Apache-2.0
// What the `archive` commands share: the directory, the named archives, progress on a terminal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/boot.hpp"
#include "archive/progress.hpp"
#include "archive/store.hpp"
#include "exit_code.hpp"

namespace pgcaretaker::app {

/// Everything in archive.directory, or nullopt after a line on stderr; `code` is how to leave then.
[[nodiscard]] std::optional<std::vector<archive::Stored>> stored_archives(
    const Configuration& configuration, ExitCode& code);

/// The archives that the command line names, all when it names none; as stored_archives().
[[nodiscard]] std::optional<std::vector<archive::Stored>> named_archives(
    const CommandLine& line, const Configuration& configuration, ExitCode& code);

/// Rewrites one line of stderr where that is a terminal, and takes it away in the end.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  [[nodiscard]] archive::OnProgress callback();

 private:
  void show(const archive::Progress& progress);
  bool on_terminal_;
  bool is_shown_ = false;
};

/// 1.2 GB, for people.
[[nodiscard]] std::string size_text(std::int64_t bytes);

}  // namespace pgcaretaker::app
