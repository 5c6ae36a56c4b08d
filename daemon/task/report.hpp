// SPDX-License-Identifier: Apache-2.0
// What one pass of a task came to: the only thing the outside ever sees of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "task/step.hpp"

namespace pgcaretaker::task {

enum class Outcome {
  success,       // observed, and everything planned was done or was not needed
  failure,       // some step or the observation failed; it is tried again
  skipped,       // observed only: the lease is held elsewhere
  needs_person,  // succeeded as far as it can; a critical finding stands
};

[[nodiscard]] std::string_view outcome_text(Outcome outcome);

/// One step as it went.
struct Act {
  std::string action;
  std::string subject;
  std::string result;  // done, nothing, yielded, failed, planned
  std::string reason;
  std::int64_t rows = 0;
  Duration duration{0};
  std::string error;  // empty unless failed; "interrupted" by a deadline or a stop
};

struct Report {
  std::string task;
  Outcome outcome = Outcome::success;
  UtcTime started;
  SteadyTime ended;                       // for what compares times; `started` is for display
  std::chrono::microseconds duration{0};  // most passes take less than a few milliseconds
  std::string error;                      // why the pass as a whole failed; empty otherwise
  bool unfinished = false;  // a lock or a race was lost and work is left: try again soon
  bool watched = false;     // had no leave to act when it began: another daemon may have done so
  bool connection_lost = false;
  bool deadline_passed = false;
  std::vector<Act> acts;
  std::vector<Finding> findings;
  telemetry::Samples samples;
  Details details;  // null when nothing could be observed
};

}  // namespace pgcaretaker::task
