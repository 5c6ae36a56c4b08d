// SPDX-License-Identifier: Apache-2.0
// The Prometheus registry behind /metrics; prometheus-cpp stays behind this header.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "telemetry/metric.hpp"

namespace pgcaretaker::telemetry {

class Metrics {
 public:
  /// All series of `settings` exist from now on: counters and histograms at 0, gauges that need an
  /// observation first at NaN, so that no alert fires on a value nobody has seen.
  explicit Metrics(const config::Settings& settings, std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;

  /// Series of subjects no longer configured go, new ones appear, the rest keep their values.
  void reconfigure(const config::Settings& settings);

  /// A sample whose labels are not configured (a task just removed by a reload) is ignored.
  void record(const Sample& sample);
  void record(const Samples& samples);

  /// Prometheus text format 0.0.4, from memory.
  [[nodiscard]] std::string render() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::string version_;
};

}  // namespace pgcaretaker::telemetry
