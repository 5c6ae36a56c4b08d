// SPDX-License-Identifier: Apache-2.0
// Structured log lines: a sentence and fields. spdlog stays behind this header.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/settings.hpp"

namespace pgcaretaker::telemetry {

/// One `key=value` of a line. Keys are fixed words: task, subject, duration_ms, statement,
/// sqlstate.
struct Field {
  Field(std::string_view name, std::string text) : key{name}, value{std::move(text)} {}
  Field(std::string_view name, std::integral auto number)
      : key{name}, value{static_cast<std::int64_t>(number)} {}

  std::string_view key;
  std::variant<std::string, std::int64_t> value;  // a number stays one in JSON
};
using Fields = std::vector<Field>;

/// Sets level and format for the process; lines go to stderr. `automatic` means text on a terminal,
/// journal when stderr is the systemd journal ($JOURNAL_STREAM), else JSON, one object a line.
/// Call again on reload.
void configure_log(const config::Log& settings);

/// Cheap check for callers that would build costly fields.
[[nodiscard]] bool log_enabled(config::LogLevel level);

/// Writes one line; newlines and control characters in message and values are escaped in every
/// format. Never throws, never blocks on anything but stderr.
void log(config::LogLevel level, std::string_view message, const Fields& fields = {});

inline void log_debug(std::string_view message, const Fields& fields = {}) {
  log(config::LogLevel::debug, message, fields);
}
inline void log_info(std::string_view message, const Fields& fields = {}) {
  log(config::LogLevel::info, message, fields);
}
inline void log_warn(std::string_view message, const Fields& fields = {}) {
  log(config::LogLevel::warn, message, fields);
}
inline void log_error(std::string_view message, const Fields& fields = {}) {
  log(config::LogLevel::error, message, fields);
}

}  // namespace pgcaretaker::telemetry
