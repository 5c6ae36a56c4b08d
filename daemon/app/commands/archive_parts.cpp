// SPDX-License-Identifier: Apache-2.0
// Common parts of the `archive` commands.
#include "app/commands/archive_parts.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "archive/error.hpp"

namespace pgcaretaker::app {

std::optional<std::vector<archive::Stored>> stored_archives(const Configuration& configuration,
                                                            ExitCode& code) {
  const std::string& directory = configuration.settings.archive.directory;
  if (directory.empty()) {
    fmt::print(stderr, "pgcaretaker: there is no place for archives: set archive.directory\n");
    code = ExitCode::configuration;
    return std::nullopt;
  }
  try {
    return archive::list(directory);
  } catch (const archive::Error& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    code = ExitCode::task_failed;
    return std::nullopt;
  }
}

std::optional<std::vector<archive::Stored>> named_archives(const CommandLine& line,
                                                           const Configuration& configuration,
                                                           ExitCode& code) {
  auto all = stored_archives(configuration, code);
  if (!all || line.names.empty()) return all;
  std::vector<archive::Stored> chosen;
  for (const std::string& name : line.names) {
    std::string problem;
    const auto found = archive::find(*all, name, problem);
    if (!found) {
      fmt::print(stderr, "pgcaretaker: {}\n", problem);
      code = ExitCode::usage;
      return std::nullopt;
    }
    chosen.push_back(*found);
  }
  return chosen;
}

archive::OnProgress shown_on(ProgressLine& line) {
  return
      [&line](const archive::Progress& progress) { line.show(archive::progress_line(progress)); };
}

std::string size_text(std::int64_t bytes) {
  static constexpr std::array<const char*, 4> units{"kB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  std::size_t unit = 0;
  for (size /= 1000; size >= 1000 && unit + 1 < units.size(); size /= 1000) {
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, units.at(unit));
}

}  // namespace pgcaretaker::app
