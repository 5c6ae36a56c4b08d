// SPDX-License-Identifier: Apache-2.0
// Questions asked once more under locks, and the step that leaves the rest to a function.
#include "partition/retire_steps.hpp"

#include <fmt/format.h>

#include "postgres/quote.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

using task::Statement;
using task::Step;

Statement attached_guard(const StepContext& context, const ObservedPartition& partition) {
  return make_statement(
      statement::guard,
      fmt::format("SELECT 1\n"
                  "  FROM pg_catalog.pg_inherits AS i\n"
                  "  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid\n"
                  "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n"
                  " WHERE i.inhrelid = {} AND i.inhparent = {} AND NOT i.inhdetachpending\n"
                  "   AND n.nspname = {} AND c.relname = {} AND c.relkind = 'r'\n"
                  "   AND pg_catalog.pg_get_expr(c.relpartbound, 0) = {}",
                  partition.oid, context.table_oid, pg::quote_literal(partition.name.schema),
                  pg::quote_literal(partition.name.name), pg::quote_literal(partition.bounds)),
      1);
}

Statement still_expired(const StepContext& context, const TimeRange& range,
                        const Retention& retention) {
  return make_statement(
      statement::retention,
      fmt::format("SELECT 1\n"
                  "  FROM {} AS answer (days)\n"
                  " WHERE answer.days::text::int4 >= 1\n"
                  "   AND timestamptz '{}' <= timestamptz '{}'\n"
                  "       - pg_catalog.make_interval(days => answer.days::text::int4)",
                  subquery(context.settings.retention_query), pg::format_timestamp(range.upper),
                  pg::format_timestamp(retention.cutoff + retention.keep)),
      1);
}

Step drop_by_function_step(const StepContext& context, const Member& member,
                           const Retention& retention, std::string reason) {
  const ObservedPartition& partition = member.observed;
  const config::TableName& function = context.settings.drop_function.value();
  Step step;
  step.action = action::drop;
  step.subject = partition.name.text();
  step.reason = std::move(reason);
  // Past its time it stays, since time only goes on, unless retention_query has changed its mind.
  step.statements = {attached_guard(context, partition)};
  if (retention.shortened) {
    step.statements.push_back(still_expired(context, member.range, retention));
  }
  if (!context.settings.hold_query.empty()) {
    step.statements.push_back(hold_statement(context.settings.hold_query, member.range));
  }
  write_down(context, step, fmt::format("c.oid = {}", partition.oid));
  step.statements.push_back(make_statement(
      statement::drop_function,
      fmt::format("SELECT {}({})", function.sql(), pg::quote_literal(partition.name.name))));
  step.statements.push_back(
      make_statement(statement::verify_dropped,
                     fmt::format("SELECT 1 WHERE NOT EXISTS (\n"
                                 "  SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = {})",
                                 partition.oid),
                     1));
  step.lock = "chosen by " + function.text();
  step.locks = wanted_locks(context, pg::LockMode::access_exclusive, &partition);
  step.reversible = false;
  set_size(step, partition);
  step.by_age = true;
  return step;
}

Statement hold_statement(const std::string& hold_query, const TimeRange& range) {
  // The first FROM item gives both parameters their type before hold_query is read, and makes them
  // used when hold_query uses only one.
  Statement hold =
      make_statement(statement::hold,
                     fmt::format("SELECT 1 AS value\n"
                                 "  FROM (SELECT $1::timestamptz, $2::timestamptz) AS bounds\n"
                                 " WHERE (SELECT bool_and(hold.stay IS FALSE)\n"
                                 "  FROM {} AS hold (stay))",
                                 subquery(hold_query)),
                     1);
  hold.params = {pg::format_timestamp(range.lower), pg::format_timestamp(range.upper)};
  return hold;
}

}  // namespace pgcaretaker::partition
