// SPDX-License-Identifier: Apache-2.0
// observe -> plan -> apply for an outbox.
#include "outbox/task.hpp"

#include <utility>

#include "outbox/apply.hpp"
#include "outbox/catalog.hpp"
#include "outbox/plan.hpp"

namespace pgcaretaker::outbox {

OutboxTask::OutboxTask(config::Outbox settings)
    : settings_{std::move(settings)}, name_{config::task_name(settings_)} {}

Duration OutboxTask::deadline() const {
  // The first sweep of years of backlog: millions of rows, at SweepLimits::time for each of two
  // states.
  return std::chrono::minutes{10};
}

Awaitable<task::Plan> OutboxTask::plan(pg::Connection& connection, std::optional<UtcTime> as_of) {
  const Snapshot snapshot = co_await observe(connection, settings_, as_of);
  co_return outbox::plan(snapshot, settings_);
}

Awaitable<void> OutboxTask::apply(pg::Connection& connection, const task::Step& step,
                                  const task::Surroundings& around, task::Applied& applied) {
  const bool is_dead = step.subject == subject_of(settings_.table, State::dead);
  const State state = is_dead ? State::dead : State::done;
  const SweepLimits limits;
  co_await sweep(connection, step, settings_.table, state, limits, around.may_act, applied);
}

}  // namespace pgcaretaker::outbox
