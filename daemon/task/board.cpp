// SPDX-License-Identifier: Apache-2.0
// What the board says about readiness.
#include "task/board.hpp"

#include <fmt/format.h>

namespace pgcaretaker::task {

namespace {

constexpr Duration overdue_margin = std::chrono::minutes{1};  // a retry or two after a lost race

void add_task_reasons(std::vector<std::string>& reasons, const std::string& name,
                      const TaskEntry& entry, SteadyTime now) {
  const auto silence = std::chrono::duration_cast<Duration>(now - entry.silent_since);
  if (silence > entry.every + entry.deadline + overdue_margin) {
    reasons.push_back(
        fmt::format("task {} is overdue: no success for {} s", name,
                    std::chrono::duration_cast<std::chrono::seconds>(silence).count()));
  }
  if (!entry.last) {
    return;
  }
  for (const auto& finding : entry.last->findings) {
    if (finding.severity == Severity::critical) {
      reasons.push_back(
          fmt::format("task {} needs a person: {}: {}", name, finding.subject, finding.text));
    }
  }
}

}  // namespace

std::vector<std::string> Board::not_ready_reasons(SteadyTime now) const {
  std::vector<std::string> reasons;
  if (daemon.stopping) {
    reasons.emplace_back("stopping");
  }
  if (!daemon.database_up) {
    reasons.push_back("database is down: " + (daemon.database_error.empty()
                                                  ? std::string{"not connected yet"}
                                                  : daemon.database_error));
  }
  for (const auto& name : order) {
    if (const auto entry = tasks.find(name); entry != tasks.end()) {
      add_task_reasons(reasons, name, entry->second, now);
    }
  }
  return reasons;
}

}  // namespace pgcaretaker::task
