// SPDX-License-Identifier: Apache-2.0
// Checks of a partition's name template; partition/name.hpp fills it in. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/interval.hpp"

namespace pgcaretaker::config {

/// {table} and these conversions of the lower bound (UTC): %Y year, %y its last two digits, %m
/// month, %d day, %H hour, %j day of the year, %q quarter (ours, not strftime's), %G ISO year, %V
/// ISO week,
/// %% a percent sign.
struct NameTemplate {
  std::string conversions;      // those it uses, without %%, e.g. "Ym"
  std::size_t fixed_bytes = 0;  // all but {table}, with each conversion at its full width
  std::size_t table_marks = 0;  // how often {table} stands in it
  std::string fault;            // what is wrong with it, "" = nothing
};

[[nodiscard]] NameTemplate read_name_template(std::string_view text);

/// What the template lacks to tell two partitions of `interval` apart, as words for a person, e.g.
/// "%d"; "" = nothing.
[[nodiscard]] std::string missing_conversions(const NameTemplate& name, const Interval& interval);

}  // namespace pgcaretaker::config
