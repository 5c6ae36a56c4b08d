// SPDX-License-Identifier: Apache-2.0
// Every metric, declared once: name, type, labels, help. docs/metrics.md is held to this table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "async/time.hpp"

namespace pgcaretaker::telemetry {

enum class MetricType { counter, gauge, histogram };

enum class Metric {
  build_info,
  config_last_reload_success_timestamp_seconds,
  config_last_reload_successful,
  database_up,
  lease_held,
  task_runs_total,
  task_duration_seconds,
  task_last_success_timestamp_seconds,
  task_next_run_timestamp_seconds,
  findings,
  partitions,
  partition_window_seconds,
  partition_default_rows,
  partition_retention_overdue_seconds,
  partition_changes_total,
  lock_attempts_total,
  lock_held_seconds,
  archive_progress_ratio,
  outbox_rows,
  outbox_oldest_seconds,
  outbox_swept_total,
  pool_connections,
  pool_limit,
  pool_saturation_ratio,
  pool_level,
  pool_waiting,
  pool_oldest_transaction_seconds,
};

struct MetricDeclaration {
  Metric metric;
  std::string_view name;  // with the pgcaretaker_ prefix
  MetricType type;
  std::vector<std::string_view> labels;
  std::string_view help;
};

/// All declarations in the order of the enumerators.
[[nodiscard]] const std::vector<MetricDeclaration>& metric_declarations();

/// One measurement: a gauge is set to `value`, a counter grows by it, a histogram observes it.
struct Sample {
  Metric metric;
  std::vector<std::string> labels;  // values, in the declaration's order
  double value = 0;
};
using Samples = std::vector<Sample>;

/// The value of a *_timestamp_seconds gauge.
[[nodiscard]] inline double unix_seconds(UtcTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace pgcaretaker::telemetry
