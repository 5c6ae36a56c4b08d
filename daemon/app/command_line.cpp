// SPDX-License-Identifier: Apache-2.0
// The command line, with CLI11.
#include "app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "app/version.hpp"

namespace pgcaretaker::app {

namespace {

void add_tasks(CLI::App& command, CommandLine& line) {
  command.add_option("--task", line.tasks, "Only this task, or this kind of task; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

void add_json(CLI::App& command, CommandLine& line) {
  command.add_flag("--json", line.json, "Print JSON");
}

CLI::App& add_command(CLI::App& app, CommandLine& line, Command command, const std::string& name,
                      const std::string& description) {
  CLI::App* added = app.add_subcommand(name, description);
  added->fallthrough();
  added->footer("Options of all commands (--config, --set, --log-level): pgcaretaker --help");
  added->callback([&line, command] { line.command = command; });
  return *added;
}

void add_archive_commands(CLI::App& app, CommandLine& line) {
  CLI::App& archive = *app.add_subcommand("archive", "Partitions on disk: list, verify, restore");
  archive.fallthrough();
  archive.require_subcommand(1, 1);
  add_json(add_command(archive, line, Command::archive_list, "list", "What archives there are"),
           line);
  add_command(archive, line, Command::archive_verify, "verify",
              "Read archives back and compare them with their manifests")
      .add_option("NAME", line.names, "Archives, as list names them; all when none is named");
  CLI::App& restore = add_command(archive, line, Command::archive_restore, "restore",
                                  "Make a table from an archive");
  restore.add_option("NAME", line.names, "The archive, as list names it")->required()->expected(1);
  auto* as = restore.add_option("--as", line.as_table, "Name of the table instead of its old one")
                 ->type_name("SCHEMA.TABLE");
  restore.add_flag("--attach", line.attach, "Attach it under its old bounds")->excludes(as);
  add_command(archive, line, Command::archive_write, "write",
              "Archive one table or partition, which stays as it is")
      .add_option("TABLE", line.names, "SCHEMA.TABLE")
      ->required()
      ->expected(1);
}

void add_commands(CLI::App& app, CommandLine& line) {
  add_command(app, line, Command::run, "run", "The daemon: every task on its cadence");
  CLI::App& once =
      add_command(app, line, Command::once, "once", "One pass of all tasks, or the named ones");
  add_tasks(once, line);
  CLI::App& plan = add_command(app, line, Command::plan, "plan",
                               "What `once` would do now, and why; changes nothing");
  add_tasks(plan, line);
  add_json(plan, line);
  CLI::App& status =
      add_command(app, line, Command::status, "status", "What a running daemon says of itself");
  status.add_option("--url", line.url, "http://HOST:PORT or unix:/PATH of the daemon")
      ->type_name("URL");
  add_json(status, line);
  add_command(app, line, Command::check_config, "check-config",
              "Check the configuration and print the effective settings");
  add_archive_commands(app, line);
}

/// One line: what is wrong, and what to type instead.
std::string usage_line(const CLI::App& app, const CLI::ParseError& error) {
  std::string what = error.what();
  if (const auto end = what.find('\n'); end != std::string::npos) {
    what.resize(end);
  }
  const auto chosen = app.get_subcommands();
  if (const auto rest = app.remaining(); chosen.empty() && !rest.empty()) {
    what = fmt::format("there is no command '{}'", rest.front());
  }
  const std::string command = chosen.empty() ? "" : ' ' + chosen.front()->get_name();
  return fmt::format("pgcaretaker: {}; type  pgcaretaker{} --help  for what there is\n", what,
                     command);
}

}  // namespace

std::variant<CommandLine, EarlyExit> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  std::vector<std::string> settings;
  std::string log_level;
  CLI::App app{"Keeps time-partitioned PostgreSQL tables rolling, sweeps outboxes, watches pools."};
  app.name("pgcaretaker");
  app.require_subcommand(1, 1);
  app.set_version_flag("--version", version_text());
  auto* config_file = app.add_option("-c,--config", line.config_file, "Configuration file")
                          ->type_name("FILE")
                          ->capture_default_str();
  app.add_option("--set", settings, "Override one setting, e.g. --set http.listen=127.0.0.1:0")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--log-level", log_level, "trace, debug, info, warn, error or off")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
  add_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion&) {
    return EarlyExit{ExitCode::ok, version_text() + '\n'};
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{ExitCode::ok, app.help()};
  } catch (const CLI::ParseError& error) {
    return EarlyExit{ExitCode::usage, usage_line(app, error)};
  }
  line.config_file_given = config_file->count() > 0;
  for (const auto& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return EarlyExit{ExitCode::usage,
                       fmt::format("pgcaretaker: --set wants KEY=VALUE, not '{}'\n", setting)};
    }
    line.overrides.push_back({setting.substr(0, equals), setting.substr(equals + 1)});
  }
  if (!log_level.empty()) {
    line.overrides.push_back({"log.level", log_level});
  }
  return line;
}

}  // namespace pgcaretaker::app
