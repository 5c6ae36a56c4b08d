// SPDX-License-Identifier: Apache-2.0
// What is typed, and what it means.
#include "app/command_line.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace pgcaretaker;
using namespace pgcaretaker::app;

namespace {

std::variant<CommandLine, EarlyExit> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "pgcaretaker");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

CommandLine accepted(const std::vector<const char*>& arguments) {
  auto parsed = parse(arguments);
  if (const auto* early = std::get_if<EarlyExit>(&parsed)) {
    FAIL(early->text);
  }
  return std::get<CommandLine>(parsed);
}

EarlyExit refused(const std::vector<const char*>& arguments) {
  auto parsed = parse(arguments);
  REQUIRE(std::holds_alternative<EarlyExit>(parsed));
  return std::get<EarlyExit>(parsed);
}

}  // namespace

TEST_CASE("every command is known by its name") {
  CHECK(accepted({"run"}).command == Command::run);
  CHECK(accepted({"once"}).command == Command::once);
  CHECK(accepted({"plan"}).command == Command::plan);
  CHECK(accepted({"status"}).command == Command::status);
  CHECK(accepted({"check-config"}).command == Command::check_config);
}

TEST_CASE("common options stand before or after the command") {
  CHECK(accepted({"-c", "a.toml", "run"}).config_file == "a.toml");
  CHECK(accepted({"run", "--config", "a.toml"}).config_file == "a.toml");
  CHECK(accepted({"run"}).config_file == "/etc/pgcaretaker/pgcaretaker.toml");
  CHECK(accepted({"run", "--log-level", "debug"}).overrides.at(0).value == "debug");
}

TEST_CASE("--set may be repeated and is split at the first equals sign") {
  const auto line = accepted({"--set", "database.dsn=host=a", "once", "--set", "http.listen=b"});
  REQUIRE(line.overrides.size() == 2);
  CHECK(line.overrides[0].key == "database.dsn");
  CHECK(line.overrides[0].value == "host=a");
  CHECK(line.overrides[1].key == "http.listen");
}

TEST_CASE("--task may be repeated") {
  const auto line = accepted({"once", "--task", "partition", "--task", "outbox:public.a"});
  CHECK(line.tasks == std::vector<std::string>{"partition", "outbox:public.a"});
}

TEST_CASE("--json and --url belong to their commands") {
  CHECK(accepted({"plan", "--json"}).json);
  CHECK(accepted({"status", "--json", "--url", "http://[::1]:1"}).url == "http://[::1]:1");
  CHECK(refused({"run", "--json"}).code == ExitCode::usage);
}

TEST_CASE("archive has commands of its own") {
  CHECK(accepted({"archive", "list", "--json"}).command == Command::archive_list);
  CHECK(accepted({"archive", "verify"}).names.empty());
  const auto verify = accepted({"archive", "verify", "a", "b/c", "-c", "x.toml"});
  CHECK(verify.command == Command::archive_verify);
  CHECK(verify.names == std::vector<std::string>{"a", "b/c"});
  CHECK(verify.config_file == "x.toml");
  const auto restore = accepted({"archive", "restore", "a", "--as", "s.t"});
  CHECK(restore.command == Command::archive_restore);
  CHECK(restore.as_table == "s.t");
  CHECK(accepted({"archive", "restore", "a", "--attach"}).attach);
  CHECK(accepted({"archive", "write", "s.t"}).command == Command::archive_write);
}

TEST_CASE("wrong usage is one line that says what to type instead") {
  const std::vector<std::vector<const char*>> all{
      {},
      {"fly"},
      {"run", "--nonsense"},
      {"run", "once"},
      {"run", "--set", "novalue"},
      {"run", "--set", "=x"},
      {"run", "--log-level", "loud"},
      {"archive"},
      {"archive", "burn"},
      {"archive", "restore"},
      {"archive", "restore", "a", "b"},
      {"archive", "restore", "a", "--as", "b.c", "--attach"},
      {"archive", "write"},
      {"once", "--task"}};
  for (const auto& arguments : all) {
    const auto early = refused(arguments);
    CAPTURE(early.text);
    CHECK(early.code == ExitCode::usage);
    CHECK(early.text.starts_with("pgcaretaker: "));
    CHECK(std::ranges::count(early.text, '\n') == 1);
    CHECK(early.text.ends_with('\n'));
  }
}

TEST_CASE("help and version are answers, not errors") {
  CHECK(refused({"--help"}).code == ExitCode::ok);
  CHECK(refused({"once", "--help"}).text.find("--task") != std::string::npos);
  CHECK(refused({"--version"}).text.starts_with("pgcaretaker "));
}
