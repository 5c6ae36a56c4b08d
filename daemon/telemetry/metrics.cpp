// SPDX-License-Identifier: Apache-2.0
// The registry: one prometheus-cpp family per declaration, one metric per configured series.
#include "telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "telemetry/series.hpp"

namespace pgcaretaker::telemetry {

namespace {

using Family =
    std::variant<prometheus::Family<prometheus::Counter>*, prometheus::Family<prometheus::Gauge>*,
                 prometheus::Family<prometheus::Histogram>*>;
using Instrument = std::variant<prometheus::Counter*, prometheus::Gauge*, prometheus::Histogram*>;

/// Seconds. A pass takes from a few milliseconds (nothing to do) to the ten minutes of `patience`.
const prometheus::Histogram::BucketBoundaries task_buckets{0.01, 0.05, 0.1, 0.5, 1,  5,
                                                           10,   30,   60,  300, 600};
/// Seconds. Around the default lock_timeout of 50 ms, where writers would start to notice.
const prometheus::Histogram::BucketBoundaries lock_buckets{0.001, 0.002, 0.005, 0.01, 0.025, 0.05,
                                                           0.1,   0.25,  0.5,   1,    5};

Family register_family(const MetricDeclaration& declaration, prometheus::Registry& registry) {
  const std::string name{declaration.name};
  const std::string help{declaration.help};
  switch (declaration.type) {
    case MetricType::counter:
      return &prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    case MetricType::histogram:
      return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
    case MetricType::gauge:
      break;
  }
  return &prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Labels label_map(const MetricDeclaration& declaration,
                             const std::vector<std::string>& values) {
  prometheus::Labels labels;
  for (std::size_t i = 0; i < declaration.labels.size() && i < values.size(); ++i) {
    labels.emplace(declaration.labels[i], values[i]);
  }
  return labels;
}

}  // namespace

class Metrics::Impl {
 public:
  explicit Impl(Now now) : now_{std::move(now)} {
    for (const auto& declaration : metric_declarations()) {
      families_.push_back(register_family(declaration, registry_));
    }
  }

  void reconfigure(const std::vector<Series>& wanted) {
    const std::set<Series> keep{wanted.begin(), wanted.end()};
    for (auto it = instruments_.begin(); it != instruments_.end();) {
      if (keep.contains(it->first)) {
        ++it;
      } else {
        remove(it->first, it->second);
        it = instruments_.erase(it);
      }
    }
    for (const auto& series : wanted) {
      if (!instruments_.contains(series)) {
        instruments_.emplace(series, add(series));
      }
    }
  }

  void record(const Sample& sample) {
    const auto found = instruments_.find(Series{sample.metric, sample.labels});
    if (found == instruments_.end()) {
      return;
    }
    if (auto* const* counter = std::get_if<prometheus::Counter*>(&found->second)) {
      (*counter)->Increment(sample.value);
    } else if (auto* const* gauge = std::get_if<prometheus::Gauge*>(&found->second)) {
      (*gauge)->Set(sample.value);
      if (sample.metric == Metric::partition_window_seconds) {
        left_[*gauge] = Left{sample.value, now_()};
      }
    } else {
      std::get<prometheus::Histogram*>(found->second)->Observe(sample.value);
    }
  }

  [[nodiscard]] std::string render() const {
    const SteadyTime now = now_();
    for (const auto& [gauge, left] : left_) {
      const double passed = std::chrono::duration<double>(now - left.since).count();
      gauge->Set(std::max(0.0, left.seconds - passed));
    }
    return prometheus::TextSerializer{}.Serialize(registry_.Collect());
  }

 private:
  /// Of a time that runs out.
  struct Left {
    double seconds;
    SteadyTime since;
  };

  Instrument add(const Series& series) {
    const auto index = static_cast<std::size_t>(series.metric);
    const auto& declaration = metric_declarations()[index];
    const auto labels = label_map(declaration, series.labels);
    const Family& family = families_[index];
    if (auto* const* counters = std::get_if<prometheus::Family<prometheus::Counter>*>(&family)) {
      return &(*counters)->Add(labels);
    }
    if (auto* const* gauges = std::get_if<prometheus::Family<prometheus::Gauge>*>(&family)) {
      return &(*gauges)->Add(labels, std::numeric_limits<double>::quiet_NaN());
    }
    const auto& buckets = series.metric == Metric::lock_held_seconds ? lock_buckets : task_buckets;
    return &std::get<prometheus::Family<prometheus::Histogram>*>(family)->Add(labels, buckets);
  }

  void remove(const Series& series, const Instrument& instrument) {
    const Family& family = families_[static_cast<std::size_t>(series.metric)];
    if (auto* const* gauge = std::get_if<prometheus::Gauge*>(&instrument)) left_.erase(*gauge);
    std::visit(
        [&](auto* metric) {
          using Kind = std::remove_pointer_t<decltype(metric)>;
          std::get<prometheus::Family<Kind>*>(family)->Remove(metric);
        },
        instrument);
  }

  prometheus::Registry registry_;
  std::vector<Family> families_;  // by enumerator
  std::map<Series, Instrument> instruments_;
  std::map<prometheus::Gauge*, Left> left_;
  Now now_;
};

Metrics::Metrics(const config::Settings& settings, std::string_view version, Now now)
    : impl_{std::make_unique<Impl>(std::move(now))}, version_{version} {
  reconfigure(settings);
  record(Sample{Metric::build_info, {version_}, 1});
}

Metrics::~Metrics() = default;

void Metrics::reconfigure(const config::Settings& settings) {
  impl_->reconfigure(configured_series(settings, version_));
}

void Metrics::record(const Sample& sample) {
  impl_->record(sample);
}

void Metrics::record(const Samples& samples) {
  for (const auto& sample : samples) {
    impl_->record(sample);
  }
}

std::string Metrics::render() const {
  return impl_->render();
}

}  // namespace pgcaretaker::telemetry
