// SPDX-License-Identifier: Apache-2.0
// The enumerators as users meet them in metrics, log and /status.
#include "task/board.hpp"
#include "task/finding.hpp"
#include "task/report.hpp"

namespace pgcaretaker::task {

std::string_view severity_text(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      break;
  }
  return "critical";
}

std::string_view outcome_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::success:
      return "success";
    case Outcome::failure:
      return "failure";
    case Outcome::skipped:
      return "skipped";
    case Outcome::needs_person:
      break;
  }
  return "needs_person";
}

std::string_view task_state_text(TaskState state) {
  switch (state) {
    case TaskState::waiting:
      return "waiting";
    case TaskState::running:
      return "running";
    case TaskState::waiting_for_database:
      break;
  }
  return "waiting_for_database";
}

}  // namespace pgcaretaker::task
