// SPDX-License-Identifier: Apache-2.0
// Which series a configuration has: label values come from settings and fixed words, never from
// data.
#pragma once

#include <vector>

#include "config/settings.hpp"
#include "telemetry/metric.hpp"

namespace pgcaretaker::telemetry {

struct Series {
  Metric metric;
  std::vector<std::string> labels;  // values, in the declaration's order

  auto operator<=>(const Series&) const = default;
};

/// Every series of `settings`, each once. Pure.
[[nodiscard]] std::vector<Series> configured_series(const config::Settings& settings,
                                                    std::string_view version);

}  // namespace pgcaretaker::telemetry
