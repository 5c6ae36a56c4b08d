// SPDX-License-Identifier: Apache-2.0
// Instants as text, always in UTC: "2015-01-01", "2010-11-04T01:42:54.657Z". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/time.hpp"

namespace pgcaretaker::config {

/// A date, or date and time as ISO 8601 writes them, with a fraction of up to six digits and with
/// the Z. nullopt for anything else.
[[nodiscard]] std::optional<UtcTime> parse_instant(std::string_view text);

/// `2015-01-01T00:00:00Z`, with a fraction only when there is one: what parse_instant() reads back.
[[nodiscard]] std::string instant_text(UtcTime instant);

}  // namespace pgcaretaker::config
