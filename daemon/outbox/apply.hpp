// SPDX-License-Identifier: Apache-2.0
// Carries out a sweep: one pass over the heap by block range, in many short transactions.
#pragma once

#include <chrono>
#include <functional>

#include "async/awaitable.hpp"
#include "config/table_name.hpp"
#include "outbox/snapshot.hpp"
#include "postgres/connection.hpp"
#include "task/step.hpp"

namespace pgcaretaker::outbox {

struct SweepLimits {
  // A batch that waits longer for a row or the table is left for the next pass.
  Duration lock_timeout = std::chrono::seconds{1};
  // So many batches in a row that had to be left: the table itself is not to be had.
  int max_locked_in_a_row = 5;
  // Two states must fit into the task's deadline of ten minutes; what is left over waits for the
  // next pass, and what was done is reported rather than lost in a cancelled pass.
  Duration time = std::chrono::minutes{4};
  // So many batches that the server refused, each passed over: what is wrong is not a few rows.
  int max_refused = 10;
};

/// Runs a step of plan(). Each batch is a transaction of its own; the statement decides about every
/// row when it holds it, so a row that changed meanwhile is judged by what it is now. Cancelled at
/// any await, whole batches are done or not. A batch that the server refuses for another reason
/// than a lock is passed over, and the first such pg::Error is thrown when all the others are done;
/// what was done stays and stands in `applied`. Ends early when `may_go_on`, asked between batches,
/// says so.
Awaitable<void> sweep(pg::Connection& connection, const task::Step& step,
                      const config::TableName& table, State state, SweepLimits limits,
                      const std::function<bool()>& may_go_on, task::Applied& applied);

}  // namespace pgcaretaker::outbox
