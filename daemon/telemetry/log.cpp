// SPDX-License-Identifier: Apache-2.0
// The process's one logger: spdlog's level check and stderr sink around our lines.
#include "telemetry/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "telemetry/line.hpp"

namespace pgcaretaker::telemetry {

namespace {

config::LogFormat line_format = config::LogFormat::text;

spdlog::level::level_enum spdlog_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::trace:
      return spdlog::level::trace;
    case config::LogLevel::debug:
      return spdlog::level::debug;
    case config::LogLevel::info:
      return spdlog::level::info;
    case config::LogLevel::warn:
      return spdlog::level::warn;
    case config::LogLevel::error:
      return spdlog::level::err;
    case config::LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("pgcaretaker",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

/// "device:inode" of stderr, as systemd writes it into $JOURNAL_STREAM.
std::string stderr_identity() {
  struct stat status {};
  if (fstat(STDERR_FILENO, &status) != 0) {
    return {};
  }
  return std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
}

}  // namespace

void configure_log(const config::Log& settings) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  line_format = resolve_format(settings.format, isatty(STDERR_FILENO) == 1,
                               stream == nullptr ? "" : stream, stderr_identity());
  logger().set_level(spdlog_level(settings.level));
}

bool log_enabled(config::LogLevel level) {
  return logger().should_log(spdlog_level(level));
}

void log(config::LogLevel level, std::string_view message, const Fields& fields) {
  if (!log_enabled(level)) {
    return;
  }
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  logger().log(spdlog_level(level), format_line(line_format, level, now, message, fields));
}

}  // namespace pgcaretaker::telemetry
