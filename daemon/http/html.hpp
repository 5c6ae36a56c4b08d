// SPDX-License-Identifier: Apache-2.0
// Text for the page: escaped, and times, counts and sizes as a person reads them. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "async/time.hpp"

namespace pgcaretaker::http {

/// Safe inside an element and inside a quoted attribute. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string escape_html(std::string_view text);

/// Two units at most: "42 ms", "1.5 s", "3 min 20 s", "5 h 12 min", "12 d 4 h".
[[nodiscard]] std::string human_duration(Duration duration);
[[nodiscard]] std::string human_seconds(double seconds);
/// "in 5 min", "3 h 2 min ago", "now".
[[nodiscard]] std::string human_relative(UtcTime time, UtcTime now);
/// 1234567 -> "1,234,567"; an estimate gets a tilde in front and three digits: "~1.23 M".
[[nodiscard]] std::string human_count(double count, bool is_estimate);
/// "640 B", "12.3 MiB".
[[nodiscard]] std::string human_bytes(double bytes);

/// A <time> element: relative text, the instant itself as its title.
[[nodiscard]] std::string time_element(UtcTime time, UtcTime now);

/// Reads `2026-11-01T00:00:00Z`, with or without a fraction; nullopt for anything else.
[[nodiscard]] std::optional<UtcTime> parse_iso8601(std::string_view text);

// Details of a task are read without trust: what is missing or of another type is null, 0 or "".
using Json = nlohmann::ordered_json;
[[nodiscard]] const Json& member(const Json& object, const char* key);
[[nodiscard]] std::string text_of(const Json& object, const char* key);
[[nodiscard]] std::optional<double> number_of(const Json& object, const char* key);
[[nodiscard]] bool flag_of(const Json& object, const char* key);
[[nodiscard]] std::optional<UtcTime> time_of(const Json& object, const char* key);

}  // namespace pgcaretaker::http
