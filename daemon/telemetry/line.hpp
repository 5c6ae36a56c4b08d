// SPDX-License-Identifier: Apache-2.0
// What a log line looks like in each format. Pure.
#pragma once

#include <string>
#include <string_view>

#include "async/time.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::telemetry {

/// One line without its newline; control characters are escaped, so one call is one line always.
/// text:    2026-11-23 14:00:00.000 info  message key=value key="two words"
/// json:    {"time":"2026-11-23T14:00:00.000Z","level":"info","message":"...","key":"value","n":1}
/// journal: <6>message key=value     (sd-daemon priority prefix; the journal has its own clock)
[[nodiscard]] std::string format_line(config::LogFormat format, config::LogLevel level,
                                      UtcTime time, std::string_view message, const Fields& fields);

/// automatic -> what fits: text on a terminal, journal when `journal_stream` ("device:inode", from
/// $JOURNAL_STREAM) names stderr's own file, else json.
[[nodiscard]] config::LogFormat resolve_format(config::LogFormat format, bool stderr_is_terminal,
                                               std::string_view journal_stream,
                                               std::string_view stderr_identity);

}  // namespace pgcaretaker::telemetry
