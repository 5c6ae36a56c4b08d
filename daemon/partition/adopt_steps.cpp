// SPDX-License-Identifier: Apache-2.0
// Writing the swap of adoption.
#include "partition/adopt_steps.hpp"

#include <fmt/format.h>

#include "partition/likeness.hpp"
#include "partition/rescue_steps.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Statement;
using task::Step;

/// Still the default of this parent, and every range that the guard would shut out has a partition.
Statement is_ready(const StepContext& context, const std::vector<TimeRange>& needed) {
  std::string bounds;
  for (const TimeRange& range : needed) {
    bounds += (bounds.empty() ? "" : ", ") + pg::quote_literal(bounds_clause(context.key, range));
  }
  return still_default(context,
                       fmt::format("\n   AND (SELECT pg_catalog.count(*)\n"
                                   "          FROM pg_catalog.pg_inherits AS o\n"
                                   "          JOIN pg_catalog.pg_class AS p ON p.oid = o.inhrelid\n"
                                   "         WHERE o.inhparent = {}\n"
                                   "           AND pg_catalog.pg_get_expr(p.relpartbound, 0)\n"
                                   "               = ANY (ARRAY[{}]::text[])) = {}",
                                   context.table_oid, bounds, needed.size()));
}

/// The default's successor: like a new partition, but as open to direct use as the default was.
std::vector<Statement> successor(const StepContext& context, const DefaultContents& contents) {
  const config::TableName& name = context.default_partition->name;
  std::vector<Statement> statements{create_like(context.settings, context.pattern, name)};
  append(statements, liken(context.settings, context.pattern, context.owner, name));
  statements.push_back(
      make_statement(statement::swap, fmt::format("ALTER TABLE {} ATTACH PARTITION {} DEFAULT",
                                                  context.settings.table.sql(), name.sql())));
  config::Partition as_before = context.settings;
  as_before.created.row_security = false;
  append(statements, likeness_of_attached(as_before, context.pattern, context.table_oid, name));
  if (contents.row_security) {
    statements.push_back(make_statement(
        statement::liken, fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", name.sql())));
  }
  if (contents.forced_row_security) {
    statements.push_back(make_statement(
        statement::liken, fmt::format("ALTER TABLE {} FORCE ROW LEVEL SECURITY", name.sql())));
  }
  return statements;
}

std::string adopt_lock(const StepContext& context) {
  std::string lock = "ACCESS EXCLUSIVE on " + context.settings.table.text() + ", " +
                     context.default_partition->name.text();
  add_names(lock, context.referenced);
  return lock;
}

}  // namespace

Step adopt_step(const StepContext& context, const DefaultContents& contents,
                const NewPartition& partition, const std::vector<TimeRange>& needed,
                std::string reason) {
  const std::string parent = context.settings.table.sql();
  const config::TableName& old = context.default_partition->name;
  const std::string name = partition.name.sql();
  const std::string key = config::quote_identifier(context.key_column);
  Step step;
  step.action = action::adopt;
  step.subject = partition.name.text();
  step.reason = std::move(reason);
  step.statements = {is_ready(context, needed)};
  append(step.statements,
         guard_statements(
             context,
             fmt::format("{} IS NOT NULL AND {}", key,
                         range_condition(context.key, key, partition.range)),
             "gone with the next pass; the default is to become " + range_text(partition.range)));
  append(
      step.statements,
      {make_statement(
           statement::lock,
           fmt::format("LOCK TABLE ONLY {}, ONLY {} IN ACCESS EXCLUSIVE MODE", parent, old.sql())),
       is_ready(context, needed),
       make_statement(statement::swap,
                      fmt::format("ALTER TABLE {} DETACH PARTITION {}", parent, old.sql())),
       make_statement(statement::swap, fmt::format("ALTER TABLE {} RENAME TO {}", old.sql(),
                                                   config::quote_identifier(partition.name.name))),
       make_statement(statement::swap,
                      fmt::format("ALTER TABLE {} ATTACH PARTITION {}\n  {}", parent, name,
                                  bounds_clause(context.key, partition.range)))});
  append(step.statements, successor(context, contents));
  step.statements.push_back(drop_guard_statement(partition.name, std::string{guard_name}));
  append(step.statements, likeness_of_attached(context.settings, context.pattern, context.table_oid,
                                               partition.name));
  write_down(context, step, fmt::format("c.oid = {}", context.default_partition->oid));
  step.lock = adopt_lock(context);
  step.locks = wanted_locks(context, pg::LockMode::access_exclusive);
  return step;
}

}  // namespace pgcaretaker::partition
