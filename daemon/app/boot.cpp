// SPDX-License-Identifier: Apache-2.0
// Reading the configuration.
#include "app/boot.hpp"

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

std::optional<Configuration> boot(const CommandLine& line) {
  config::Problems problems;
  auto configuration = read_configuration(line, problems);
  for (const auto& problem : problems) {
    std::fprintf(stderr, "%s\n", problem.line_text().c_str());
  }
  if (configuration) {
    telemetry::configure_log(configuration->settings.log);
  }
  return configuration;
}

}  // namespace pgcaretaker::app
