// SPDX-License-Identifier: Apache-2.0
// The walk over the heap.
#include "outbox/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "outbox/batch.hpp"
#include "outbox/plan.hpp"
#include "outbox/statement.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::outbox {

namespace {

// With an index that fits the expression the planner would read that index from end to end for
// every batch; only the address range makes the batches add up to one pass of the heap.
constexpr const char* scan_by_address_sql =
    "SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_indexscan', "
    "'enable_indexonlyscan', 'enable_bitmapscan', 'enable_seqscan']) AS name";

/// What a step has come to so far, over all its heaps.
struct Walk {
  task::Applied& applied;
  telemetry::Sample swept;  // as it is counted once there is something to count
  SteadyTime end;
  const std::function<bool()>& may_go_on;
  std::int64_t batch_blocks = first_batch_blocks;
  std::int64_t locked_batches = 0;
  int locked_in_a_row = 0;
  int refused = 0;
  std::optional<pg::Error> first_refusal{};
  std::string ended_by{};  // in words, when there was more to do

  [[nodiscard]] bool goes_on(const SweepLimits& limits) const {
    return ended_by.empty() && locked_in_a_row < limits.max_locked_in_a_row &&
           refused < limits.max_refused;
  }

  void count(std::int64_t rows) {
    if (rows == 0) {
      return;
    }
    if (applied.rows == 0) {
      applied.samples.push_back(swept);
    }
    applied.kind = task::Applied::Kind::done;
    applied.rows += rows;
    applied.samples.back().value = static_cast<double>(applied.rows);
  }
};

Awaitable<void> sweep_batch(pg::Connection& connection, const task::Statement& statement,
                            const SweepLimits& limits, std::int64_t first, std::int64_t blocks,
                            Walk& walk) {
  std::int64_t rows = 0;
  std::chrono::nanoseconds elapsed{0};
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    co_await connection.query("outbox.scan_by_address", scan_by_address_sql);
    pg::Params params = pg::Params::of(
        {statement.params.at(0), block_address(first), block_address(first + blocks)});
    const auto start = std::chrono::steady_clock::now();
    const pg::Result result =
        co_await connection.run(statement.name, statement.sql, std::move(params));
    elapsed = std::chrono::steady_clock::now() - start;
    rows = result.affected();
  };
  pg::TransactionOptions options;
  options.lock_timeout = limits.lock_timeout;
  try {
    co_await pg::transact(connection, options, body);
  } catch (const pg::Error& error) {
    if (error.is_connection_lost() || connection.state() != pg::SessionState::ready) throw;
    if (!error.is_lock_timeout() && !error.is_deadlock()) {
      if (walk.refused++ == 0) walk.first_refusal = error;
      co_return;
    }
    ++walk.locked_batches;
    ++walk.locked_in_a_row;
    co_return;
  }
  walk.count(rows);
  walk.locked_in_a_row = 0;
  walk.batch_blocks = next_batch_blocks(blocks, elapsed);
}

/// nullopt: the table is locked.
Awaitable<std::optional<std::int64_t>> heap_blocks(pg::Connection& connection,
                                                   const task::Statement& statement,
                                                   const SweepLimits& limits) {
  std::optional<std::int64_t> blocks;
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    const pg::Result result =
        co_await connection.run(statement.name, statement.sql, pg::Params::of(statement.params));
    blocks = result.only_row().get<std::int64_t>("blocks");
  };
  pg::TransactionOptions options;
  options.lock_timeout = limits.lock_timeout;
  options.read_only = true;
  try {
    co_await pg::transact(connection, options, body);
  } catch (const pg::Error& error) {
    if (!error.is_lock_timeout() || connection.state() != pg::SessionState::ready) throw;
  }
  co_return blocks;
}

/// Rows that come in behind the end found at the start are not due anyway.
Awaitable<void> sweep_heap(pg::Connection& connection, const task::Statement& size,
                           const task::Statement& batch, const SweepLimits& limits, Walk& walk) {
  const auto end = co_await heap_blocks(connection, size, limits);
  if (!end) {
    ++walk.locked_batches;
    co_return;
  }
  for (std::int64_t first = 0; first < *end;) {
    if (std::chrono::steady_clock::now() >= walk.end) {
      walk.ended_by = fmt::format("after {} s", limits.time.count() / 1000);
    } else if (!walk.may_go_on()) {
      walk.ended_by = "as told";
    }
    if (!walk.ended_by.empty()) co_return;
    const std::int64_t blocks = std::min(walk.batch_blocks, *end - first);
    co_await sweep_batch(connection, batch, limits, first, blocks, walk);
    if (!walk.goes_on(limits)) co_return;
    first += blocks;
  }
}

/// What was left undone.
void conclude(Walk& walk, const SweepLimits& limits, const std::string& subject) {
  task::Applied& applied = walk.applied;
  if (walk.locked_batches > 0) {
    if (applied.rows == 0) {
      applied.kind = task::Applied::Kind::yielded;
    }
    const bool one = walk.locked_batches == 1;
    applied.findings.push_back(
        {task::Severity::info, "batches_locked", subject,
         fmt::format("{} could not be locked within {} ms and {} left for the next pass",
                     one ? "1 batch" : fmt::format("{} batches", walk.locked_batches),
                     limits.lock_timeout.count(), one ? "is" : "are")});
  }
  if (!walk.ended_by.empty()) {
    applied.findings.push_back(
        {task::Severity::info, "sweep_unfinished", subject,
         fmt::format("stopped {} with rows left for the next pass", walk.ended_by)});
  }
}

}  // namespace

Awaitable<void> sweep(pg::Connection& connection, const task::Step& step,
                      const config::TableName& table, State state, SweepLimits limits,
                      const std::function<bool()>& may_go_on, task::Applied& applied) {
  applied.kind = task::Applied::Kind::nothing;
  Walk walk{applied,
            telemetry::Sample{telemetry::Metric::outbox_swept_total,
                              {table.text(), std::string{state_text(state)}, "delete"},
                              0},
            std::chrono::steady_clock::now() + limits.time, may_go_on};
  for (std::size_t i = 0; i + 1 < step.statements.size() && walk.goes_on(limits); i += 2) {
    co_await sweep_heap(connection, step.statements[i], step.statements[i + 1], limits, walk);
  }
  conclude(walk, limits, step.subject);
  if (walk.first_refusal) throw *walk.first_refusal;
}

}  // namespace pgcaretaker::outbox
