// SPDX-License-Identifier: Apache-2.0
// Writing the DDL and the moves of rescue.
#include "partition/rescue_steps.hpp"

#include <fmt/format.h>

#include "partition/likeness.hpp"
#include "partition/triggers.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Statement;
using task::Step;

constexpr std::string_view bounds_check = "pgcaretaker_bounds";

std::string column_list(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) {
    list += (list.empty() ? "" : ", ") + config::quote_identifier(column);
  }
  return list;
}

/// Its one row: how many left the default, how many arrived.
Statement move_statement(const StepContext& context, const std::vector<std::string>& columns,
                         const NewPartition& partition) {
  const std::string list = column_list(columns);
  return make_statement(
      statement::move,
      fmt::format("WITH moved AS (\n"
                  "  DELETE FROM ONLY {} WHERE {}\n"
                  "  RETURNING {}),\n"
                  "arrived AS (\n"
                  "  INSERT INTO {} ({}) SELECT {} FROM moved RETURNING 1)\n"
                  "SELECT (SELECT pg_catalog.count(*) FROM moved) AS moved,\n"
                  "       (SELECT pg_catalog.count(*) FROM arrived) AS arrived",
                  context.default_partition->name.sql(),
                  range_condition(context.key, config::quote_identifier(context.key_column),
                                  partition.range),
                  list, partition.name.sql(), list, list),
      1);
}

/// Nothing that a DELETE would set off: what is moved is not deleted. And the columns are still the
/// ones that are moved, or a new one's values would be lost.
Statement may_move(const StepContext& context, const std::vector<std::string>& columns) {
  std::string names;
  for (const std::string& column : columns) {
    names += (names.empty() ? "" : ", ") + pg::quote_literal(column);
  }
  return still_default(
      context,
      fmt::format("\n   AND NOT c.relhasrules\n"
                  "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t\n"
                  "                    WHERE t.tgrelid = c.oid AND {})\n"
                  "   AND (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)\n"
                  "          FROM pg_catalog.pg_attribute AS a\n"
                  "         WHERE a.attrelid = i.inhparent AND a.attnum > 0\n"
                  "           AND NOT a.attisdropped AND a.attgenerated = '') = ARRAY[{}]::text[]",
                  fires_on_delete, names));
}

std::string drain_lock(const StepContext& context) {
  std::string lock = "ACCESS EXCLUSIVE on " + context.settings.table.text() + ", " +
                     context.default_partition->name.text() + ", at the end and shortly";
  std::string neighbours;
  add_names(neighbours, context.referenced);
  if (!neighbours.empty()) lock += ", SHARE ROW EXCLUSIVE on " + neighbours.substr(2);
  return lock;
}

std::vector<pg::WantedLock> drain_locks(const StepContext& context) {
  std::vector<pg::WantedLock> locks{
      {context.table_oid, pg::LockMode::access_exclusive},
      {context.default_partition->oid, pg::LockMode::access_exclusive}};
  for (const Neighbour& table : context.referenced) {
    locks.push_back({table.oid, pg::LockMode::share_row_exclusive, true});
  }
  return locks;
}

/// CREATE with a CHECK of its bounds, so that ATTACH need not read it under the lock, and the rows
/// that are there.
std::vector<Statement> fill(const StepContext& context, const DefaultContents& contents,
                            const NewPartition& partition) {
  const std::string parent = context.settings.table.sql();
  const std::string name = partition.name.sql();
  const std::string key = config::quote_identifier(context.key_column);
  const Statement move = move_statement(context, contents.columns, partition);
  return {
      make_statement(statement::lock,
                     fmt::format("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE", parent)),
      make_statement(statement::lock, fmt::format("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE",
                                                  context.default_partition->name.sql())),
      may_move(context, contents.columns),
      create_like(context.settings, context.pattern, partition.name),
      make_statement(
          statement::fence,
          fmt::format("ALTER TABLE {} ADD CONSTRAINT {}\n  CHECK ({} IS NOT NULL AND {})", name,
                      bounds_check, key, range_condition(context.key, key, partition.range))),
      move,
      move,  // what came while the first one ran: the last one, under the lock, is to be short
      make_statement(statement::prove_moved,
                     fmt::format("SELECT pg_catalog.count(*) AS arrived FROM ONLY {}", name), 1)};
}

}  // namespace

Statement still_default(const StepContext& context, const std::string& more) {
  return make_statement(
      statement::guard,
      fmt::format("SELECT 1\n"
                  "  FROM pg_catalog.pg_inherits AS i\n"
                  "  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid\n"
                  " WHERE i.inhrelid = {0} AND i.inhparent = {1} AND NOT i.inhdetachpending\n"
                  "   AND c.oid = {2}::pg_catalog.regclass AND c.relkind = 'r'\n"
                  "   AND pg_catalog.pg_get_expr(c.relpartbound, 0) = 'DEFAULT'\n"
                  "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS f\n"
                  "                    WHERE f.contype = 'f' AND f.confrelid IN ({0}, {1})){3}",
                  context.default_partition->oid, context.table_oid,
                  pg::quote_literal(context.default_partition->name.sql()), more),
      1);
}

std::string range_condition(const Key& key, const std::string& name, const TimeRange& range) {
  const std::string_view type = sql_type(key);
  return fmt::format("{0} >= {1} '{2}' AND {0} < {1} '{3}'", name, type,
                     bound_literal(key, range.lower), bound_literal(key, range.upper));
}

Step drain_step(const StepContext& context, const DefaultContents& contents,
                const NewPartition& partition, std::string reason) {
  const std::string parent = context.settings.table.sql();
  const std::string name = partition.name.sql();
  Step step;
  step.action = action::drain;
  step.subject = partition.name.text();
  step.reason = std::move(reason);
  step.statements = fill(context, contents, partition);
  step.statements.push_back(make_statement(
      statement::swap_lock, fmt::format("LOCK TABLE ONLY {}, ONLY {} IN ACCESS EXCLUSIVE MODE",
                                        parent, context.default_partition->name.sql())));
  step.statements.push_back(move_statement(context, contents.columns, partition));
  // Not earlier: the parent's triggers on statements would fire for what is moved.
  append(step.statements, liken(context.settings, context.pattern, context.owner, partition.name));
  step.statements.push_back(make_statement(
      statement::attach, fmt::format("ALTER TABLE {} ATTACH PARTITION {}\n  {}", parent, name,
                                     bounds_clause(context.key, partition.range))));
  step.statements.push_back(make_statement(
      statement::fence, fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", name, bounds_check)));
  append(step.statements, likeness_of_attached(context.settings, context.pattern, context.table_oid,
                                               partition.name));
  if (context.journal) step.statements.push_back(counted_rows_statement());
  write_down(context, step,
             fmt::format("c.oid = {}::pg_catalog.regclass", pg::quote_literal(name)));
  step.lock = drain_lock(context);
  step.locks = drain_locks(context);
  return step;
}

}  // namespace pgcaretaker::partition
