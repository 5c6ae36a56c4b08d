// SPDX-License-Identifier: Apache-2.0
// Reading the configuration.
#include "app/boot.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "telemetry/log.hpp"

namespace pgcaretaker::app {

std::optional<Configuration> read_configuration(const CommandLine& line,
                                                config::Problems& problems) {
  config::Loaded loaded = config::load_file(line.config_file, line.overrides);
  problems = std::move(loaded.problems);
  Configuration configuration;
  configuration.secrets = config::read_secrets(loaded.settings, problems, loaded.places);
  configuration.settings = std::move(loaded.settings);
  if (!problems.empty()) {
    return std::nullopt;
  }
  return configuration;
}

config::LogLevel log_level(const CommandLine& line, config::LogLevel configured,
                           bool report_and_log_on_terminal) {
  const bool asked_for = std::ranges::any_of(
      line.overrides, [](const config::Override& each) { return each.key == "log.level"; });
  if (line.command != Command::once || asked_for) {
    return configured;
  }
  return report_and_log_on_terminal ? config::LogLevel::off
                                    : std::max(configured, config::LogLevel::warn);
}

std::optional<Configuration> boot(const CommandLine& line) {
  config::Problems problems;
  auto configuration = read_configuration(line, problems);
  for (const auto& problem : problems) {
    std::fprintf(stderr, "%s\n", problem.line_text().c_str());
  }
  if (configuration) {
    config::Log log = configuration->settings.log;
    log.level =
        log_level(line, log.level, isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1);
    telemetry::configure_log(log);
  }
  return configuration;
}

}  // namespace pgcaretaker::app
