// SPDX-License-Identifier: Apache-2.0
// What a command logs.
#include "app/boot.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace pgcaretaker::app;
using config::LogLevel;

namespace {

CommandLine line_of(Command command) {
  CommandLine line;
  line.command = command;
  return line;
}

}  // namespace

TEST_CASE("the daemon logs at the configured level, wherever it runs") {
  for (const bool on_terminal : {false, true}) {
    CHECK(log_level(line_of(Command::run), LogLevel::info, on_terminal) == LogLevel::info);
    CHECK(log_level(line_of(Command::run), LogLevel::debug, on_terminal) == LogLevel::debug);
  }
}

TEST_CASE("once logs what went wrong, and nothing where its report stands on the same terminal") {
  const auto once = line_of(Command::once);
  CHECK(log_level(once, LogLevel::info, true) == LogLevel::off);
  CHECK(log_level(once, LogLevel::info, false) == LogLevel::warn);
  CHECK(log_level(once, LogLevel::trace, false) == LogLevel::warn);
  CHECK(log_level(once, LogLevel::error, false) == LogLevel::error);
  CHECK(log_level(once, LogLevel::off, false) == LogLevel::off);
}

TEST_CASE("once logs at the level that its command line asks for") {
  auto once = line_of(Command::once);
  once.overrides.push_back({"log.level", "debug"});
  CHECK(log_level(once, LogLevel::debug, true) == LogLevel::debug);
  CHECK(log_level(once, LogLevel::debug, false) == LogLevel::debug);
}
