// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's ISO text of dates and times to UtcTime and back. Pure; sessions pin UTC and ISO.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/time.hpp"

namespace pgcaretaker::pg {

/// Reads `2026-11-01`, `2026-11-01 00:00:00[.ffffff][+00[:30]]`. Text without an offset is UTC.
/// nullopt for infinity, BC and anything else.
[[nodiscard]] std::optional<UtcTime> parse_timestamp(std::string_view text);

/// `2026-11-01 00:00:00+00`, with a fraction only when there is one.
[[nodiscard]] std::string format_timestamp(UtcTime time);

/// `2026-11-01T00:00:00Z`, for JSON and people.
[[nodiscard]] std::string format_iso8601(UtcTime time);

}  // namespace pgcaretaker::pg
