// SPDX-License-Identifier: Apache-2.0
// The task contract over observe, plan and apply.
#include "partition/task.hpp"

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

}  // namespace

PartitionTask::PartitionTask(config::Partition settings, config::Journal journal)
    : settings_{std::move(settings)},
      journal_{std::move(journal)},
      name_{config::task_name(settings_)} {}

Duration PartitionTask::deadline() const {
  return settings_.patience + time_for_work;
}

Duration PartitionTask::tolerated_jump() const {
  return config::shortest_length(settings_.interval);
}

Awaitable<task::Plan> PartitionTask::plan(pg::Connection& connection,
                                          std::optional<UtcTime> as_of) {
  const Snapshot snapshot = co_await observe(connection, settings_, journal_, as_of);
  const Draft draft = make_draft(settings_, snapshot);
  const Answers answers = co_await ask(connection, settings_, snapshot, draft);
  task::Plan plan = make_plan(settings_, journal_, snapshot, draft, answers);
  co_await add_afterwards(connection, settings_, snapshot, draft, answers, frozen_, plan);
  co_return plan;
}

Awaitable<void> PartitionTask::apply(pg::Connection& connection, const task::Step& step,
                                     const task::Surroundings& around, task::Applied& applied) {
  if (is_afterwards(step)) {
    return apply_afterwards(connection, settings_, step, around, applied);
  }
  if (is_rescue(step)) return apply_rescue(connection, settings_, step, around, applied);
  if (is_guarded(step)) return apply_guarded(connection, settings_, step, around, applied);
  return apply_step(connection, settings_, step, around, applied);
}

}  // namespace pgcaretaker::partition
