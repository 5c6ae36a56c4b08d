// SPDX-License-Identifier: Apache-2.0
// Looking before asking. The look reads pg_locks, which waits for nobody's table lock.
#include "postgres/lock_budget.hpp"

#include <algorithm>

#include "async/random.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::pg {

namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 250ms;  // a look is cheap, and what held the lock may just end
constexpr Duration longest_pause = 1s;   // so that a lock set free is taken within a second

// Fast-path locks and waiters ahead of us are in pg_locks as well. A prepared transaction has no
// pid; the lock on its transaction id tells which it is. A session whose state is shown but no
// transaction has ended it since its lock was read.
constexpr std::string_view holders_sql = R"(
SELECT coalesce(l.pid, 0) AS pid, coalesce(p.gid, '') AS gid,
       l.relation::pg_catalog.regclass::text AS relation,
       coalesce(a.usename, p.owner, '')::text AS user_name,
       coalesce(a.application_name, '') AS application,
       coalesce(a.state, a.backend_type, '') AS state,
       (1000 * extract(epoch FROM pg_catalog.clock_timestamp()
                                - coalesce(a.xact_start, p.prepared, ended.at)))::int8 AS age,
       pg_catalog.left(pg_catalog.regexp_replace(coalesce(a.query, ''), '\s+', ' ', 'g'), 120)
         AS query
  FROM ROWS FROM (pg_catalog.unnest($1::int8[]), pg_catalog.unnest($2::int8[]))
         AS wanted (relation, strength)
  JOIN pg_catalog.pg_locks AS l
    ON l.locktype = 'relation' AND l.relation = wanted.relation::oid
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                      WHERE d.datname = pg_catalog.current_database())
   AND (wanted.strength = 3
        OR (wanted.strength = 2 AND l.mode = 'RowExclusiveLock')
        OR l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                      'ExclusiveLock', 'AccessExclusiveLock'))
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_locks AS x
    ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
   AND x.virtualtransaction = l.virtualtransaction
  LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = x.transactionid
 CROSS JOIN LATERAL (
    SELECT CASE WHEN a.state IS NOT NULL THEN pg_catalog.clock_timestamp() END) AS ended (at)
 WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
 ORDER BY age DESC NULLS LAST, pid, relation)";

std::int64_t strength_of(LockMode mode) {
  switch (mode) {
    case LockMode::share_update_exclusive:
      return 1;
    case LockMode::share_row_exclusive:
      return 2;
    case LockMode::access_exclusive:
      break;
  }
  return 3;
}

Holder read_holder(const Row& row) {
  Holder holder;
  holder.pid = row.get<int>("pid");
  holder.gid = row.get<std::string>("gid");
  holder.relation = row.get<std::string>("relation");
  holder.user = row.get<std::string>("user_name");
  holder.application = row.get<std::string>("application");
  holder.state = row.get<std::string>("state");
  if (const auto age = row.get<std::optional<std::int64_t>>("age")) holder.age = Duration{*age};
  holder.query = row.get<std::string>("query");
  return holder;
}

Duration jittered(Duration pause) {
  const double factor = 1.0 - async::random_fraction() / 2;
  return std::chrono::duration_cast<Duration>(pause * factor);
}

/// Whose age is hidden may be of any age.
bool is_anyone_older(const std::vector<Holder>& holders, Duration than) {
  return std::ranges::any_of(
      holders, [&](const Holder& holder) { return !holder.age || *holder.age > than; });
}

/// Whether someone is in the way who was there when the longest attempt was made in vain. Whose age
/// is hidden may have come since.
bool has_outlasted(const std::vector<Holder>& holders, const LockEffort& effort) {
  return effort.in_vain_for && std::ranges::any_of(holders, [&](const Holder& holder) {
           return holder.age && *holder.age > *effort.in_vain_for;
         });
}

Awaitable<std::vector<Holder>> read_holders(Connection& connection,
                                            const std::vector<WantedLock>& wanted) {
  std::vector<std::int64_t> relations;
  std::vector<std::int64_t> strengths;
  for (const WantedLock& lock : wanted) {
    relations.push_back(lock.relation);
    strengths.push_back(strength_of(lock.mode));
  }
  // The owner that database.role names need not see other sessions; our login has pg_monitor.
  co_await connection.query("lock.look_as_login", "SET LOCAL ROLE NONE");
  const Result result =
      co_await connection.query("lock.holders", holders_sql, relations, strengths);
  std::vector<Holder> holders;
  for (const Row row : result) {
    holders.push_back(read_holder(row));
  }
  co_return holders;
}

Awaitable<std::vector<Holder>> look(Connection& connection, const std::vector<WantedLock>& wanted,
                                    const LockSearch& search) {
  return search.is_within ? holders_within(connection, wanted)
                          : conflicting_holders(connection, wanted);
}

/// Attempts whoever is in the way; true = ended.
Awaitable<bool> insist(Connection& connection, const LockEffort& effort,
                       const std::vector<WantedLock>& wanted, const LockSearch& search,
                       LockSpent& spent) {
  for (std::size_t i = 0; i < effort.insistence.size(); ++i) {
    const Duration timeout = effort.insistence[i];
    const bool is_last = i + 1 == effort.insistence.size();
    if (i > 0) spent.holders = co_await look(connection, wanted, search);
    if (!is_last && is_anyone_older(spent.holders, timeout)) continue;
    if (timeout > effort.lock_timeout) {
      spent.was_spared = has_outlasted(spent.holders, effort);
      if (spent.was_spared) break;
      spent.was_stopped = !search.may_go_on();
      if (spent.was_stopped) break;
      search.growing(timeout);
    }
    const Attempt attempt = co_await search.attempt(timeout);
    if (attempt == Attempt::ended) co_return true;
    ++spent.attempts;
  }
  co_return false;
}

}  // namespace

Awaitable<std::vector<Holder>> conflicting_holders(Connection& connection,
                                                   const std::vector<WantedLock>& wanted) {
  std::vector<Holder> holders;
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    holders = co_await read_holders(connection, wanted);
  };
  TransactionOptions options;
  options.read_only = true;
  co_await transact(connection, options, body);
  co_return holders;
}

Awaitable<std::vector<Holder>> holders_within(Connection& connection,
                                              const std::vector<WantedLock>& wanted) {
  co_await connection.query("lock.savepoint", "SAVEPOINT look");
  std::vector<Holder> holders = co_await read_holders(connection, wanted);
  // Takes the role back as well.
  co_await connection.query("lock.rollback", "ROLLBACK TO SAVEPOINT look");
  co_await connection.query("lock.release", "RELEASE SAVEPOINT look");
  co_return holders;
}

Awaitable<LockSpent> search_lock(Connection& connection, async::Clock& clock, SteadyTime started,
                                 const LockEffort& effort, const std::vector<WantedLock>& wanted,
                                 const LockSearch& search) {
  const SteadyTime until = started + effort.patience;
  LockSpent spent;
  for (Duration pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    spent.holders = co_await look(connection, wanted, search);
    const bool is_old_one_there = is_anyone_older(spent.holders, effort.lock_timeout);
    const bool is_last = clock.now() >= until || search.in_a_hurry();
    if (is_old_one_there) {
      ++spent.yields;
    } else if (!is_last || effort.insistence.empty()) {
      const Attempt attempt = co_await search.attempt(effort.lock_timeout);
      if (attempt == Attempt::ended) co_return spent;
      ++spent.attempts;
    }
    if (is_last) break;
    if (pause == first_pause) search.waiting(spent.holders);
    co_await clock.sleep_until(std::min(clock.now() + jittered(pause), until));
    spent.was_stopped = !search.may_go_on();
    if (spent.was_stopped) {
      spent.gave_up = true;
      co_return spent;
    }
  }
  const bool is_ended = co_await insist(connection, effort, wanted, search, spent);
  spent.gave_up = !is_ended;
  co_return spent;
}

}  // namespace pgcaretaker::pg
