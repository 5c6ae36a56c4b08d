// SPDX-License-Identifier: Apache-2.0
// observe -> judge -> present; there is nothing to apply.
#include "saturation/task.hpp"

#include <cassert>
#include <utility>

#include "saturation/catalog.hpp"
#include "saturation/present.hpp"

namespace pgcaretaker::saturation {

SaturationTask::SaturationTask(config::Saturation settings)
    : settings_{std::move(settings)}, name_{config::task_name(settings_)} {}

Duration SaturationTask::deadline() const {
  // Three queries of at most two seconds each would already be a server in trouble.
  return std::chrono::seconds{5};
}

Awaitable<task::Plan> SaturationTask::plan(pg::Connection& connection,
                                           std::optional<UtcTime> as_of) {
  const Snapshot snapshot = co_await observe(connection, settings_, as_of);
  Judgement judgement = judge(history_, snapshot, settings_);
  task::Plan plan = present(judgement, snapshot, settings_);
  history_ = std::move(judgement.next);
  co_return plan;
}

Awaitable<void> SaturationTask::apply(pg::Connection&, const task::Step&, const task::Surroundings&,
                                      task::Applied&) {
  assert(false && "saturation plans no steps");
  co_return;
}

}  // namespace pgcaretaker::saturation
