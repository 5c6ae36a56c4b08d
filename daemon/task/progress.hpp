// SPDX-License-Identifier: Apache-2.0
// How far a long step has come. Plain data.
#pragma once

#include <functional>
#include <string>

#include "async/time.hpp"
#include "telemetry/metric.hpp"

namespace pgcaretaker::task {

struct StepProgress {
  // One line, "public.audit_2024_01: writing data.bin.zst, 37 % (12.5 MB)"; "" = it is over.
  std::string text;
  double ratio = 0;              // 0 to 1
  telemetry::Samples samples{};  // the same as gauges
  Duration quiet{0};             // what follows may show no progress for so long
};

/// Called on the loop; does not throw.
using OnStepProgress = std::function<void(const StepProgress&)>;

}  // namespace pgcaretaker::task
