// SPDX-License-Identifier: Apache-2.0
// VACUUM and ANALYZE, and what is asked before.
#include "partition/afterwards_steps.hpp"

#include <fmt/format.h>

#include "partition/steps.hpp"
#include "partition/urgency.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using pg::LockMode;
using task::Step;

constexpr int first_with_only = 180000;  // ANALYZE ONLY

/// One look and one attempt: nothing is lost when it comes back with the next pass.
void take_it_easy(Step& step, const config::Partition& settings) {
  step.upkeep = true;
  step.urgency = urgency_text(Urgency::relaxed);
  step.effort = pg::LockEffort{settings.lock_timeout, Duration::zero(), {}};
}

std::string still_unfrozen_sql(std::int64_t table_oid, const Closed& closed) {
  return fmt::format(
      "SELECT 1\n"
      "  FROM pg_catalog.pg_class AS c\n"
      "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n"
      "  JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid\n"
      "  JOIN pg_catalog.pg_inherits AS later ON later.inhparent = i.inhparent\n"
      "  JOIN pg_catalog.pg_class AS l ON l.oid = later.inhrelid\n"
      "  JOIN pg_catalog.pg_namespace AS m ON m.oid = l.relnamespace\n"
      " WHERE c.oid = {} AND n.nspname = {} AND c.relname = {}\n"
      "   AND i.inhparent = {} AND NOT i.inhdetachpending\n"
      "   AND m.nspname = {} AND l.relname = {}\n"
      "   AND pg_catalog.age(later.xmin) BETWEEN 0 AND ({})\n"
      "   AND pg_catalog.age(later.xmin) > ({})",
      closed.observed.oid, pg::quote_literal(closed.observed.name.schema),
      pg::quote_literal(closed.observed.name.name), table_oid,
      pg::quote_literal(closed.later.schema), pg::quote_literal(closed.later.name),
      unfrozen_age_sql(), horizon_sql());
}

}  // namespace

std::string_view unfrozen_age_sql() {
  // VACUUM ends with the table itself before it begins with what lies out of line.
  return "SELECT greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(toast.relfrozenxid))\n"
         "         FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_class AS toast\n"
         "              ON toast.oid = c.reltoastrelid";
}

// What ComputeXidHorizons() of the server goes by for ordinary tables: sessions of this database
// and standbys (which have none), but neither VACUUM nor the catalog_xmin of logical slots; held
// back further by vacuum_defer_cleanup_age where there is one (before 16).
std::string_view horizon_sql() {
  return R"(SELECT coalesce(max(held.age), 0)::int8
                  + coalesce(pg_catalog.current_setting('vacuum_defer_cleanup_age', true)::int8, 0)
             FROM (SELECT greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid))
                     FROM pg_catalog.pg_stat_activity AS a
                    WHERE (a.datid IS NULL OR a.datid = 0
                           OR a.datname = pg_catalog.current_database())
                      AND a.pid <> pg_catalog.pg_backend_pid()
                      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v
                                       WHERE v.pid = a.pid)
                   UNION ALL
                   SELECT pg_catalog.age(p.transaction) FROM pg_catalog.pg_prepared_xacts AS p
                    WHERE p.database = pg_catalog.current_database()
                   UNION ALL
                   SELECT pg_catalog.age(s.xmin) FROM pg_catalog.pg_replication_slots AS s
                    WHERE s.wal_status IS DISTINCT FROM 'lost')
                  AS held (age))";
}

Step freeze_step(const config::Partition& settings, std::int64_t table_oid, const Closed& closed) {
  Step step;
  step.action = action::freeze;
  step.subject = closed.observed.name.text();
  step.reason = fmt::format("it closed {}, and its rows are not all frozen since",
                            time_text(closed.range.upper));
  step.statements = {
      make_statement(statement::still_unfrozen, still_unfrozen_sql(table_oid, closed), 1),
      // Cutting off empty pages at its end would want an ACCESS EXCLUSIVE lock.
      make_statement(statement::freeze,
                     fmt::format("VACUUM (FREEZE, ANALYZE, TRUNCATE false, PARALLEL 0) {}",
                                 closed.observed.name.sql()))};
  step.lock = "SHARE UPDATE EXCLUSIVE on " + step.subject;
  step.locks = {{closed.observed.oid, LockMode::share_update_exclusive}};
  take_it_easy(step, settings);
  return step;
}

Step analyze_step(const config::Partition& settings, std::int64_t table_oid, int server_version,
                  std::string reason) {
  const bool has_only = server_version >= first_with_only;
  Step step;
  step.action = action::analyze;
  step.subject = settings.table.text();
  step.reason = std::move(reason);
  step.statements = {
      make_statement(statement::analyze,
                     fmt::format("ANALYZE {}{}", has_only ? "ONLY " : "", settings.table.sql()))};
  step.lock = fmt::format("SHARE UPDATE EXCLUSIVE on {}{}", step.subject,
                          has_only ? "" : " and each partition in turn");
  step.locks = {{table_oid, LockMode::share_update_exclusive}};
  take_it_easy(step, settings);
  return step;
}

bool is_afterwards(const Step& step) {
  return step.action == action::freeze || step.action == action::analyze;
}

}  // namespace pgcaretaker::partition
