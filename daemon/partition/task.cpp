// SPDX-License-Identifier: Apache-2.0
// The task contract over observe, plan and apply.
#include "partition/task.hpp"

#include <algorithm>

#include "partition/afterwards_apply.hpp"
#include "partition/afterwards_catalog.hpp"
#include "partition/apply.hpp"
#include "partition/catalog.hpp"
#include "partition/guard_apply.hpp"
#include "partition/plan.hpp"
#include "partition/rescue_apply.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;

// Room for the looks and a transaction per step beyond the time that locks may be waited for.
constexpr Duration time_for_work = 10min;
// What an archive gets even when partitions are needed soon; a table that takes longer wants more
// of them ahead.
constexpr Duration shortest_archiving = 15min;
constexpr Duration longest_archiving = std::chrono::days{30};
// Whoever else makes partitions meanwhile makes them in one go; what differs after this is told.
constexpr int most_observations = 3;

/// All that a plan is made of.
struct Observed {
  Snapshot snapshot;
  Draft draft;
  Answers answers;
};

/// Once more when the table changed between two questions: `plan` may run beside a daemon, and
/// create_function beside anybody.
Awaitable<Observed> observe_all(pg::Connection& connection, const config::Partition& settings,
                                const config::Journal& journal, std::optional<UtcTime> as_of) {
  Observed seen;
  for (int i = 0; i < most_observations; ++i) {
    seen.snapshot = co_await observe(connection, settings, journal, as_of);
    seen.draft = make_draft(settings, seen.snapshot);
    seen.answers = co_await ask(connection, settings, seen.snapshot, seen.draft);
    if (!seen.answers.outdated) break;
  }
  co_return seen;
}

}  // namespace

PartitionTask::PartitionTask(config::Partition settings, config::Journal journal,
                             std::shared_ptr<archive::Workplace> workplace)
    : settings_{std::move(settings)},
      journal_{std::move(journal)},
      workplace_{std::move(workplace)},
      name_{config::task_name(settings_)} {}

Duration PartitionTask::deadline() const {
  return settings_.patience + time_for_work;
}

Duration PartitionTask::tolerated_jump() const {
  const Duration interval = config::shortest_length(settings_.interval);
  return settings_.grace > Duration{0} ? std::min(interval, settings_.grace) : interval;
}

Awaitable<task::Plan> PartitionTask::plan(pg::Connection& connection,
                                          std::optional<UtcTime> as_of) {
  const Observed seen = co_await observe_all(connection, settings_, journal_, as_of);
  archives_.clear();
  covered_until_ = seen.draft.covered_until;
  task::Plan plan = make_plan(settings_, journal_, seen.snapshot, seen.draft, seen.answers);
  try {
    co_await add_afterwards(connection, settings_, seen.snapshot, seen.draft, seen.answers, frozen_,
                            plan);
  } catch (const pg::Error& error) {
    // Upkeep must not keep anything else from being done.
    if (connection.state() != pg::SessionState::ready) throw;
    plan.findings.push_back(task::Finding{task::Severity::warning, "afterwards_unknown",
                                          settings_.table.text(),
                                          "whether partitions are to be frozen or the table is to "
                                          "be analyzed could not be asked: " +
                                              error.message()});
  }
  co_return plan;
}

/// While a table is archived nothing else of this task happens, so an interval before the window
/// ends there must be an end of it.
SteadyTime PartitionTask::archive_until(async::Clock& clock) const {
  const auto left = std::chrono::duration_cast<Duration>(covered_until_ - clock.utc_now()) -
                    config::shortest_length(settings_.interval);
  return clock.now() + std::clamp(left, shortest_archiving, longest_archiving);
}

Awaitable<void> PartitionTask::apply(pg::Connection& connection, const task::Step& step,
                                     const task::Surroundings& around, task::Applied& applied) {
  task::Step tried = step;
  if (in_vain_since_) {
    tried.effort.in_vain_for =
        std::chrono::duration_cast<Duration>(around.clock.now() - *in_vain_since_);
  }
  co_await dispatch(connection, tried, around, applied);
  if (applied.waited_in_vain > Duration{0}) {
    in_vain_since_ = around.clock.now() - applied.waited_in_vain;
  }
}

Awaitable<void> PartitionTask::dispatch(pg::Connection& connection, const task::Step& step,
                                        const task::Surroundings& around, task::Applied& applied) {
  if (is_afterwards(step)) {
    return apply_afterwards(connection, settings_, step, around, applied);
  }
  if (is_rescue(step)) return apply_rescue(connection, settings_, step, around, applied);
  if (needs_archive(step)) {
    return apply_archived(connection, settings_, workplace_, step, around,
                          archive_until(around.clock), archives_, applied);
  }
  if (is_guarded(step)) return apply_guarded(connection, settings_, step, around, applied);
  return apply_step(connection, settings_, step, around, applied);
}

}  // namespace pgcaretaker::partition
