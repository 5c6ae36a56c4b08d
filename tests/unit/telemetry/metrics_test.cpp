// SPDX-License-Identifier: Apache-2.0
// The metric table, the series of a configuration, and the registry.
#include "telemetry/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "telemetry/series.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::telemetry;

namespace {

config::Settings full_settings() {
  config::Settings settings;
  config::Partition partition;
  partition.table = {"public", "audit"};
  settings.partitions.push_back(partition);
  config::Outbox outbox;
  outbox.table = {"public", "box"};
  outbox.done = config::OutboxDone{};
  outbox.dead = config::OutboxDead{};
  settings.outboxes.push_back(outbox);
  config::Pool pool;
  pool.name = "api";
  settings.saturation.pools.push_back(pool);
  return settings;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every enumerator has its declaration at its own place") {
  const auto& declarations = metric_declarations();
  for (std::size_t i = 0; i < declarations.size(); ++i) {
    CHECK(static_cast<std::size_t>(declarations[i].metric) == i);
    CHECK(declarations[i].name.starts_with("pgcaretaker_"));
    CHECK_FALSE(declarations[i].help.empty());
    CHECK((declarations[i].type == MetricType::counter) ==
          declarations[i].name.ends_with("_total"));
  }
  CHECK(static_cast<std::size_t>(Metric::pool_oldest_transaction_seconds) + 1 ==
        declarations.size());
}

TEST_CASE("a full configuration has a series of every metric, each once, with all labels") {
  const auto series = configured_series(full_settings(), "1.2.3");
  std::set<Metric> seen;
  for (const auto& each : series) {
    seen.insert(each.metric);
    CHECK(each.labels.size() ==
          metric_declarations()[static_cast<std::size_t>(each.metric)].labels.size());
  }
  CHECK(seen.size() == metric_declarations().size());
  CHECK(std::set<Series>{series.begin(), series.end()}.size() == series.size());
}

TEST_CASE("counters start at 0, gauges that nobody has seen yet at NaN") {
  const Metrics metrics{full_settings(), "1.2.3"};
  const std::string text = metrics.render();
  CHECK(contains(text, R"(pgcaretaker_build_info{version="1.2.3"} 1)"));
  CHECK(contains(text, R"(partition_changes_total{change="created",table="public.audit"} 0)"));
  CHECK(contains(text, R"(partition_window_seconds{table="public.audit"} Nan)"));
}

TEST_CASE("a gauge is set, a counter grows, a histogram observes") {
  Metrics metrics{full_settings(), "1"};
  metrics.record(Sample{Metric::partition_default_rows, {"public.audit"}, 5});
  metrics.record(Sample{Metric::partition_default_rows, {"public.audit"}, 7});
  metrics.record(Sample{Metric::outbox_swept_total, {"public.box", "done", "delete"}, 5});
  metrics.record(Sample{Metric::outbox_swept_total, {"public.box", "done", "delete"}, 7});
  metrics.record(Sample{Metric::lock_held_seconds, {"public.audit"}, 0.003});
  const std::string text = metrics.render();
  CHECK(contains(text, R"(partition_default_rows{table="public.audit"} 7)"));
  CHECK(contains(text, R"(swept_total{action="delete",state="done",table="public.box"} 12)"));
  CHECK(contains(text, R"(lock_held_seconds_bucket{table="public.audit",le="0.005"} 1)"));
}

TEST_CASE("the window runs out while nobody can look at it") {
  SteadyTime now{};
  Metrics metrics{full_settings(), "1", [&] { return now; }};
  const auto shows = [&](const std::string& value) {
    return contains(metrics.render(),
                    R"(partition_window_seconds{table="public.audit"} )" + value + "\n");
  };
  metrics.record(Sample{Metric::partition_window_seconds, {"public.audit"}, 100});
  CHECK(shows("100"));
  now += std::chrono::seconds{40};
  CHECK(shows("60"));
  now += std::chrono::seconds{80};
  CHECK(shows("0"));
  metrics.record(Sample{Metric::partition_window_seconds, {"public.audit"}, 1000});
  CHECK(shows("1000"));
  constexpr double for_ever = std::numeric_limits<double>::infinity();
  metrics.record(Sample{Metric::partition_window_seconds, {"public.audit"}, for_ever});
  CHECK(shows("+Inf"));
  auto settings = full_settings();
  settings.partitions.clear();
  metrics.reconfigure(settings);
  CHECK_FALSE(contains(metrics.render(), "partition_window_seconds{"));
}

TEST_CASE("a sample of a subject that is not configured adds no series") {
  Metrics metrics{full_settings(), "1"};
  const std::string before = metrics.render();
  metrics.record(Sample{Metric::partition_window_seconds, {"public.other"}, 5});
  CHECK(metrics.render() == before);
}

TEST_CASE("a reload removes series, adds series and keeps the values of the others") {
  Metrics metrics{full_settings(), "1"};
  metrics.record(Sample{Metric::outbox_rows, {"public.box", "pending"}, 3});
  auto settings = full_settings();
  settings.partitions.clear();
  config::Outbox other;
  other.table = {"public", "second"};
  settings.outboxes.push_back(other);
  metrics.reconfigure(settings);
  const std::string text = metrics.render();
  CHECK_FALSE(contains(text, "public.audit"));
  CHECK(contains(text, R"(outbox_rows{state="pending",table="public.box"} 3)"));
  CHECK(contains(text, R"(outbox_rows{state="pending",table="public.second"} Nan)"));
}
