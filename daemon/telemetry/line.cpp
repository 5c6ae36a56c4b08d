// SPDX-License-Identifier: Apache-2.0
// Formatting of log lines.
#include "telemetry/line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgcaretaker::telemetry {

namespace {

using config::LogFormat;
using config::LogLevel;

std::string_view level_text(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
    case LogLevel::off:
      break;
  }
  return "off";
}

/// syslog(3) priorities.
int priority(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return 3;
    case LogLevel::warn:
      return 4;
    case LogLevel::info:
      return 6;
    default:
      return 7;
  }
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string escaped(std::string_view text, bool quoted) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (is_control(c)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else if (quoted && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string text_value(const std::string& value) {
  const bool plain = !value.empty() && std::ranges::none_of(value, [](char c) {
    return c == ' ' || c == '"' || c == '=' || c == '\\' || is_control(c);
  });
  return plain ? value : '"' + escaped(value, true) + '"';
}

std::string field_value(const Field& field) {
  const auto* number = std::get_if<std::int64_t>(&field.value);
  return number != nullptr ? fmt::format("{}", *number)
                           : text_value(std::get<std::string>(field.value));
}

std::string with_fields(std::string_view message, const Fields& fields) {
  std::string line = escaped(message, false);
  for (const auto& field : fields) {
    line += fmt::format(" {}={}", field.key, field_value(field));
  }
  return line;
}

std::string stamp(UtcTime time, char separator) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  const std::tm calendar = fmt::gmtime(std::chrono::system_clock::to_time_t(seconds));
  return fmt::format("{:%Y-%m-%d}{}{:%H:%M:%S}.{:03}", calendar, separator, calendar, rest);
}

}  // namespace

std::string format_line(LogFormat format, LogLevel level, UtcTime time, std::string_view message,
                        const Fields& fields) {
  if (format == LogFormat::journal) {
    return fmt::format("<{}>{}", priority(level), with_fields(message, fields));
  }
  if (format == LogFormat::json) {
    nlohmann::ordered_json line;
    line["time"] = stamp(time, 'T') + 'Z';
    line["level"] = level_text(level);
    line["message"] = message;
    for (const auto& field : fields) {
      std::visit([&](const auto& value) { line[std::string{field.key}] = value; }, field.value);
    }
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  return fmt::format("{} {:<5} {}", stamp(time, ' '), level_text(level),
                     with_fields(message, fields));
}

LogFormat resolve_format(LogFormat format, bool stderr_is_terminal, std::string_view journal_stream,
                         std::string_view stderr_identity) {
  if (format != LogFormat::automatic) {
    return format;
  }
  if (stderr_is_terminal) {
    return LogFormat::text;
  }
  return !journal_stream.empty() && journal_stream == stderr_identity ? LogFormat::journal
                                                                      : LogFormat::json;
}

}  // namespace pgcaretaker::telemetry
