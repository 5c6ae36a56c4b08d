// SPDX-License-Identifier: Apache-2.0
// What a plan is made of: steps with their reason and the very SQL they will send. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/time.hpp"
#include "config/table_name.hpp"
#include "postgres/lock.hpp"
#include "task/details.hpp"
#include "task/finding.hpp"
#include "telemetry/metric.hpp"

namespace pgcaretaker::task {

/// One statement of a step's transaction.
struct Statement {
  std::string name;  // for errors and logs, e.g. "partition.attach"
  std::string sql;
  std::vector<std::string> params;  // $1.. as text
  std::optional<int>
      expect_rows;        // rows it must return; otherwise the step lost a race: rolled back
  bool may_fail = false;  // by itself: the step goes on without it
};

/// The table a step is about, where apply does more with it than send the statements.
struct Target {
  std::int64_t oid = 0;
  config::TableName name;
  std::string bounds;
  std::string plan_id{};
};

/// One act, as `plan` prints it and apply sends it.
struct Step {
  std::string action;   // create, drop, detach, sweep ...
  std::string subject;  // the partition or outbox state acted on
  std::string reason;   // one clause in words: why now
  std::vector<Statement> statements;
  /// One transaction, sent when the step was refused: what was done before for its sake.
  std::vector<Statement> take_back{};
  std::optional<Target> target{};
  std::string lock;  // heaviest lock and on what: "ACCESS EXCLUSIVE on public.audit_events_default"
  std::vector<pg::WantedLock> locks;  // the same for apply to look at; empty = nothing to wait for
  std::string urgency;                // relaxed, pressed or forced; "" where there are no locks
  pg::LockEffort effort;              // what that means for them
  bool reversible = true;
  std::optional<std::int64_t> rows;   // existing rows that it takes away or moves, an estimate;
  std::optional<std::int64_t> bytes;  // nullopt = none, or nobody knows
  bool upkeep =
      false;  // costs nothing when it comes later: not begun behind a step that went wrong
  bool by_age =
      false;  // planned because of its age by the server's clock: see task/clock_check.hpp
};

/// The outcome of observe and plan: nothing has been changed yet.
struct Plan {
  UtcTime as_of;  // the server's clock when it was observed
  std::vector<Step> steps;
  std::vector<Finding> findings;
  telemetry::Samples samples;  // gauges as observed
  Details details;             // partitions, outbox states, pools
};

/// What apply made of one step. A lost race or a lock that was not granted is an outcome, not an
/// error.
struct Applied {
  enum class Kind {
    done,     // committed
    nothing,  // turned out not to be needed any more
    yielded,  // a lock or a race was lost; nothing changed; the next pass looks again
  };
  Kind kind = Kind::done;
  bool can_wait = false;       // when yielded: trying again before the next slot is of no use
  bool stops_action = false;   // nor is any other step of the same action in this pass
  Duration waited_in_vain{0};  // what its longest attempt for a lock cost others; 0 = none was made
  std::int64_t rows = 0;       // rows moved or removed, where the step counts rows
  std::vector<Finding> findings;
  telemetry::Samples samples;  // counters and histograms of this act
};

}  // namespace pgcaretaker::task
