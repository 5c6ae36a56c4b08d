// SPDX-License-Identifier: Apache-2.0
// Label values of every series.
#include "telemetry/series.hpp"

#include <initializer_list>

namespace pgcaretaker::telemetry {

namespace {

class Collector {
 public:
  void add(Metric metric, std::vector<std::string> labels = {}) {
    series_.push_back(Series{metric, std::move(labels)});
  }
  /// One series for each of `words` as the last label.
  void add_each(Metric metric, const std::string& subject,
                std::initializer_list<const char*> words) {
    for (const char* word : words) {
      add(metric, {subject, word});
    }
  }
  std::vector<Series> take() { return std::move(series_); }

 private:
  std::vector<Series> series_;
};

void add_task(Collector& all, const std::string& task) {
  all.add_each(Metric::task_runs_total, task, {"success", "failure", "skipped", "needs_person"});
  all.add(Metric::task_duration_seconds, {task});
  all.add(Metric::task_last_success_timestamp_seconds, {task});
  all.add(Metric::task_next_run_timestamp_seconds, {task});
  all.add_each(Metric::findings, task, {"info", "warning", "critical"});
}

void add_partition(Collector& all, const std::string& table) {
  all.add_each(Metric::partitions, table,
               {"attached", "expired", "detached", "missing", "unrecognised"});
  all.add(Metric::partition_window_seconds, {table});
  all.add(Metric::partition_default_rows, {table});
  all.add(Metric::partition_retention_overdue_seconds, {table});
  all.add_each(Metric::partition_changes_total, table,
               {"created", "attached", "detached", "dropped", "archived", "rescued"});
  all.add_each(Metric::lock_attempts_total, table, {"granted", "timeout", "yielded"});
  all.add(Metric::lock_held_seconds, {table});
  all.add(Metric::archive_progress_ratio, {table});
}

void add_outbox(Collector& all, const config::Outbox& outbox) {
  const std::string table = outbox.table.text();
  std::vector<std::string> states{"pending"};
  if (outbox.done) {
    states.emplace_back("done");
    all.add(Metric::outbox_swept_total, {table, "done", "delete"});
    all.add(Metric::outbox_swept_total, {table, "done", "archive"});
  }
  if (outbox.dead) {
    states.emplace_back("dead");
    for (const char* action : {"delete", "archive", "requeue"}) {
      all.add(Metric::outbox_swept_total, {table, "dead", action});
    }
  }
  for (const auto& state : states) {
    all.add(Metric::outbox_rows, {table, state});
    all.add(Metric::outbox_oldest_seconds, {table, state});
  }
}

void add_pool(Collector& all, const std::string& pool) {
  all.add_each(Metric::pool_connections, pool,
               {"active", "idle", "idle_in_transaction", "idle_in_transaction_aborted", "other"});
  all.add(Metric::pool_limit, {pool});
  all.add(Metric::pool_saturation_ratio, {pool});
  all.add(Metric::pool_level, {pool});
  all.add(Metric::pool_waiting, {pool});
  all.add(Metric::pool_oldest_transaction_seconds, {pool});
}

}  // namespace

std::vector<Series> configured_series(const config::Settings& settings, std::string_view version) {
  Collector all;
  all.add(Metric::build_info, {std::string{version}});
  all.add(Metric::config_last_reload_success_timestamp_seconds);
  all.add(Metric::config_last_reload_successful);
  all.add(Metric::database_up);
  all.add(Metric::lease_held);
  for (const auto& task : config::task_names(settings)) {
    add_task(all, task);
  }
  for (const auto& partition : settings.partitions) {
    add_partition(all, partition.table.text());
  }
  for (const auto& outbox : settings.outboxes) {
    add_outbox(all, outbox);
  }
  add_pool(all, "server");
  for (const auto& pool : settings.saturation.pools) {
    add_pool(all, pool.name);
  }
  return all.take();
}

}  // namespace pgcaretaker::telemetry
