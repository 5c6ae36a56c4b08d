// SPDX-License-Identifier: Apache-2.0
// Partition names from the configured template. Pure.
#pragma once

#include <string>
#include <string_view>

#include "async/time.hpp"
#include "config/table_name.hpp"

namespace pgcaretaker::partition {

/// Longer names are refused.
using config::longest_name;

/// `name_template` with {table} replaced by the parent's name and these conversions of the lower
/// bound (UTC): %Y year, %y its last two digits, %m month, %d day, %H hour, %j day of the year, %q
/// quarter (1-4), %G ISO year, %V ISO week, %% a percent sign. Anything else stays as it is.
[[nodiscard]] std::string partition_name(std::string_view name_template, std::string_view table,
                                         UtcTime lower);

}  // namespace pgcaretaker::partition
