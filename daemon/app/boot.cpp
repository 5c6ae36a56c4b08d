// SPDX-License-Identifier: Apache-2.0
// Reading the configuration.
#include "app/boot.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "app/tasks.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/error.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::app {

namespace {

/// Only libpq knows all the words of a connection string.
void check_dsn(const Configuration& configuration, const config::Places& places,
               config::Problems& problems) {
  try {
    (void)pg::connect_targets(
        connect_options(configuration.settings.database, configuration.secrets, "task"));
  } catch (const pg::Error& error) {
    constexpr std::string_view key = "database.dsn";
    std::string text = error.message();
    if (text.starts_with(key)) text.erase(0, key.size() + 1);
    const config::Place place = places.nearest(std::string{key});
    problems.push_back({place.source, place.line, place.column, std::string{key}, std::move(text)});
  }
}

void print(const config::Problems& problems) {
  for (const auto& problem : problems) {
    std::fprintf(stderr, "%s\n", problem.line_text().c_str());
  }
}

}  // namespace

std::optional<Configuration> read_configuration(const CommandLine& line,
                                                config::Problems& problems) {
  config::Loaded loaded = config::load_file(line.config_file, line.overrides);
  problems = std::move(loaded.problems);
  Configuration configuration;
  configuration.secrets = config::read_secrets(loaded.settings, problems, loaded.places);
  configuration.settings = std::move(loaded.settings);
  if (std::ranges::find(problems, "database.dsn", &config::Problem::key) == problems.end()) {
    check_dsn(configuration, loaded.places, problems);
  }
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

std::optional<Address> address(const CommandLine& line) {
  config::Loaded loaded = config::load_file(line.config_file, line.overrides);
  Address address{loaded.settings.http.listen, {}};
  address.bearer = config::read_bearer(loaded.settings, loaded.problems, loaded.places);
  print(loaded.problems);
  if (!loaded.problems.empty()) return std::nullopt;
  return address;
}

std::optional<Configuration> boot(const CommandLine& line) {
  config::Problems problems;
  auto configuration = read_configuration(line, problems);
  print(problems);
  if (configuration) {
    config::Log log = configuration->settings.log;
    log.level =
        log_level(line, log.level, isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1);
    telemetry::configure_log(log);
  }
  return configuration;
}

}  // namespace pgcaretaker::app
