// SPDX-License-Identifier: Apache-2.0
// Report -> board, metrics and one summary line.
#include "task/publish.hpp"

#include <algorithm>

#include "telemetry/log.hpp"

namespace pgcaretaker::task {

namespace {

using telemetry::Metric;
using telemetry::Sample;

constexpr Severity severities[] = {Severity::info, Severity::warning, Severity::critical};

bool succeeded(const Report& report) {
  return report.outcome != Outcome::failure && !report.unfinished;
}

void update_entry(TaskEntry& entry, const Report& report) {
  ++entry.runs;
  entry.overruns += report.deadline_passed ? 1 : 0;
  entry.failures_in_a_row = succeeded(report) ? 0 : entry.failures_in_a_row + 1;
  if (succeeded(report)) {
    entry.last_success = report.started + report.duration;
    entry.silent_since = report.ended;
  }
  auto details = report.details;
  if (details.is_null() && entry.last) {
    details = entry.last->details;  // an old observation says more than none
  }
  entry.last = report;
  entry.last->details = std::move(details);
  entry.last->samples.clear();
  entry.progress.reset();
}

void record_observation(const Report& report, telemetry::Metrics& metrics) {
  for (const Severity severity : severities) {
    const auto count = std::ranges::count(report.findings, severity, &Finding::severity);
    metrics.record(Sample{Metric::findings,
                          {report.task, std::string{severity_text(severity)}},
                          static_cast<double>(count)});
  }
  metrics.record(report.samples);
}

void record_pass(const Report& report, telemetry::Metrics& metrics) {
  const std::string& task = report.task;
  metrics.record(
      Sample{Metric::task_runs_total, {task, std::string{outcome_text(report.outcome)}}, 1});
  metrics.record(Sample{Metric::task_duration_seconds,
                        {task},
                        std::chrono::duration<double>(report.duration).count()});
  if (succeeded(report)) {
    metrics.record(Sample{Metric::task_last_success_timestamp_seconds,
                          {task},
                          telemetry::unix_seconds(report.started + report.duration)});
  }
  record_observation(report, metrics);
}

bool stood_before(const Finding& finding, const TaskEntry& before) {
  return before.last && std::ranges::any_of(before.last->findings, [&](const Finding& known) {
           return known.code == finding.code && known.subject == finding.subject &&
                  known.severity == finding.severity;
         });
}

/// Findings that the previous report did not have are worth a line; standing ones are on the board.
void log_news(const Report& report, const TaskEntry& before) {
  for (const auto& finding : report.findings) {
    if (stood_before(finding, before) || finding.code == "step_failed") {
      continue;  // a failed step has its own line already
    }
    const auto level = finding.severity == Severity::info      ? config::LogLevel::info
                       : finding.severity == Severity::warning ? config::LogLevel::warn
                                                               : config::LogLevel::error;
    telemetry::log(
        level, finding.subject + ": " + finding.text,
        telemetry::Fields{
            {"task", report.task}, {"subject", finding.subject}, {"finding", finding.code}});
  }
}

}  // namespace

void publish_observation(const Report& report, const Board& board, telemetry::Metrics& metrics) {
  if (board.tasks.contains(report.task)) record_observation(report, metrics);
}

void publish_progress(const std::string& task, const StepProgress& progress, SteadyTime now,
                      Board& board, telemetry::Metrics& metrics) {
  const auto entry = board.tasks.find(task);
  if (entry == board.tasks.end()) return;
  entry->second.progress = progress;
  if (progress.text.empty()) entry->second.progress.reset();
  entry->second.silent_since = now + progress.quiet;
  metrics.record(progress.samples);
}

void publish(const Report& report, Board& board, telemetry::Metrics& metrics) {
  const auto entry = board.tasks.find(report.task);
  if (entry == board.tasks.end()) {
    return;
  }
  log_news(report, entry->second);
  telemetry::log_debug(
      "pass finished",
      telemetry::Fields{
          {"task", report.task},
          {"outcome", std::string{outcome_text(report.outcome)}},
          {"duration_ms", std::chrono::duration_cast<Duration>(report.duration).count()}});
  update_entry(entry->second, report);
  record_pass(report, metrics);
}

}  // namespace pgcaretaker::task
