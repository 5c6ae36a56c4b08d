// SPDX-License-Identifier: Apache-2.0
// Long work gives way to whoever waits for its locks.
#pragma once

#include <string>

#include "async/awaitable.hpp"
#include "postgres/waiter.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// What upkeep does: returns, in words, why the work of session `pid` has to end now: somebody
/// waits for a table that it has locked, a second session to see that with is not to be had,
/// another task waits for a session, nothing more may begin, or `until` is reached.
Awaitable<std::string> reason_to_end(const task::Surroundings& around, int pid, SteadyTime until);

/// What other work does: returns only when somebody waits for session `pid` in one of these ways,
/// or when for a while no second session was to be had to see that with. `watched` is read before
/// each look and may change meanwhile.
Awaitable<std::string> waiter_in_words(const task::Surroundings& around, int pid,
                                       const pg::Waitings& watched);

/// The step's outcome when it was ended for that reason.
[[nodiscard]] task::Applied made_way(const task::Step& step, const std::string& why);

}  // namespace pgcaretaker::partition
