// SPDX-License-Identifier: Apache-2.0
// The Prometheus registry behind /metrics; prometheus-cpp stays behind this header.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/time.hpp"
#include "config/settings.hpp"
#include "telemetry/metric.hpp"

namespace pgcaretaker::telemetry {

class Metrics {
 public:
  /// The monotonic clock; a test has its own.
  using Now = std::function<SteadyTime()>;

  /// All series of `settings` exist from now on: counters and histograms at 0, gauges that need an
  /// observation first at NaN, so that no alert fires on a value nobody has seen.
  explicit Metrics(const config::Settings& settings, std::string_view version,
                   Now now = std::chrono::steady_clock::now);
  ~Metrics();
  Metrics(const Metrics&) = delete;

  /// Series of subjects no longer configured go, new ones appear, the rest keep their values.
  void reconfigure(const config::Settings& settings);

  /// A sample whose labels are not configured (a task just removed by a reload) is ignored.
  void record(const Sample& sample);
  void record(const Samples& samples);

  /// Prometheus text format 0.0.4, from memory. What is left of a time goes down by itself from one
  /// record() to the next, and ends at 0: it must not stand still while nobody can look.
  [[nodiscard]] std::string render() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::string version_;
};

}  // namespace pgcaretaker::telemetry
