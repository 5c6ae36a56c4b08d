// SPDX-License-Identifier: Apache-2.0
// The one way every kind goes: observe, plan, apply, report. `plan`, `once` and `run` all end here.
#pragma once

#include <functional>
#include <optional>

#include "async/clock.hpp"
#include "postgres/pool.hpp"
#include "task/report.hpp"
#include "task/task.hpp"

namespace pgcaretaker::task {

struct PassOptions {
  /// Asked before every step: false = observe only from here on (no lease, or stopping).
  std::function<bool()> may_act = [] { return true; };
  /// Called before the first step, which may take long, with what was observed: its samples and
  /// findings stand in the report, its outcome is not known yet.
  std::function<void(const Report&)> observed = [](const Report&) {};
  /// Called while a long step is under way.
  OnStepProgress progress = [](const StepProgress&) {};
  std::optional<UtcTime> as_of;  // replaces the server's clock, for tests
};

/// One pass of `task` on a session of `pool`, within task.deadline(). Steps that fail are findings
/// and stop no step about another subject: later ones about the same were planned on top of it, and
/// are left to the next pass; after acting it observes once more, so that the report shows what is,
/// not what was. Never throws: a pass that is cancelled (the caller's next co_await throws) reports
/// what it did until then. Each act and each error is logged here, once.
Awaitable<Report> run_pass(Task& task, pg::Pool& pool, async::Clock& clock, PassOptions options);

/// observe -> plan, nothing else: what the command `plan` prints. Throws pg::Error.
Awaitable<Plan> plan_only(Task& task, pg::Pool& pool, const async::Clock& clock);

}  // namespace pgcaretaker::task
