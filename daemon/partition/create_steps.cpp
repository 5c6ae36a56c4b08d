// SPDX-License-Identifier: Apache-2.0
// Writing the DDL of creation.
#include "partition/create_steps.hpp"

#include <fmt/format.h>

#include "partition/likeness.hpp"
#include "postgres/quote.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Step;

/// `2026-11-01` is a literal of date, timestamp and timestamptz alike, so the function may take
/// any.
std::string function_argument(UtcTime lower) {
  const std::string text = pg::format_timestamp(lower);
  const bool midnight = lower == std::chrono::floor<std::chrono::days>(lower);
  return midnight ? text.substr(0, text.find(' ')) : text;
}

std::string create_lock(const StepContext& context) {
  std::string lock = "SHARE UPDATE EXCLUSIVE on " + context.settings.table.text();
  if (context.default_partition) {
    lock = "ACCESS EXCLUSIVE on " + context.default_partition->name.text() + ", " + lock;
  }
  std::string neighbours;
  add_names(neighbours, context.referenced);
  add_names(neighbours, context.referencing);
  // Without the comma it begins with.
  if (!neighbours.empty()) lock += ", SHARE ROW EXCLUSIVE on " + neighbours.substr(2);
  return lock;
}

std::string names_of(const std::vector<NewPartition>& partitions) {
  constexpr std::size_t named = 4;
  std::string text;
  for (std::size_t i = 0; i < partitions.size() && i < named; ++i) {
    text += (i == 0 ? "" : ", ") + partitions[i].name.text();
  }
  if (partitions.size() > named) text += fmt::format(" and {} more", partitions.size() - named);
  return text;
}

}  // namespace

Step create_step(const StepContext& context, const std::vector<NewPartition>& partitions,
                 std::string reason) {
  const std::string parent = context.settings.table.sql();
  Step step;
  step.action = action::create;
  step.subject = names_of(partitions);
  step.reason = std::move(reason);
  for (const NewPartition& partition : partitions) {
    step.statements.push_back(create_like(context.settings, context.pattern, partition.name));
    append(step.statements,
           liken(context.settings, context.pattern, context.owner, partition.name));
  }
  if (partitions.size() > 1 || context.default_partition) {
    // The locks that the first ATTACH would take anyway, before the wait for them is repeated, and
    // apart from what comes under them.
    step.statements.push_back(make_statement(
        statement::lock, fmt::format("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE", parent)));
    if (context.default_partition) {
      step.statements.push_back(lock_only(context.default_partition->name));
    }
  }
  for (const NewPartition& partition : partitions) {
    step.statements.push_back(make_statement(
        statement::attach,
        fmt::format("ALTER TABLE {} ATTACH PARTITION {}\n  {}", parent, partition.name.sql(),
                    bounds_clause(context.key, partition.range))));
  }
  for (const NewPartition& partition : partitions) {
    append(step.statements, likeness_of_attached(context.settings, context.pattern,
                                                 context.table_oid, partition.name));
  }
  for (const NewPartition& partition : partitions) {
    write_down(
        context, step,
        fmt::format("c.oid = {}::pg_catalog.regclass", pg::quote_literal(partition.name.sql())));
  }
  step.lock = create_lock(context);
  step.locks = wanted_locks(context, pg::LockMode::share_update_exclusive);
  return step;
}

Step create_by_function_step(const StepContext& context, const NewPartition& partition,
                             std::string reason) {
  const config::TableName& function = context.settings.create_function.value();
  Step step;
  step.action = action::create;
  step.subject = partition.name.text();
  step.reason = std::move(reason);
  step.statements = {
      make_statement(
          statement::create_function,
          fmt::format("SELECT {}('{}')", function.sql(), function_argument(partition.range.lower))),
      make_statement(statement::verify_created,
                     fmt::format("SELECT 1\n"
                                 "  FROM pg_catalog.pg_inherits AS i\n"
                                 "  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid\n"
                                 " WHERE i.inhparent = {} AND NOT i.inhdetachpending\n"
                                 "   AND pg_catalog.pg_get_expr(c.relpartbound, 0) = $1",
                                 context.table_oid),
                     1)};
  const std::string bounds = bounds_clause(context.key, partition.range);
  step.statements.back().params = {bounds};
  // The function may have given it any name.
  write_down(context, step,
             fmt::format("i.inhparent = {} AND pg_catalog.pg_get_expr(c.relpartbound, 0) = {}",
                         context.table_oid, pg::quote_literal(bounds)));
  step.lock = "chosen by " + function.text();
  // Most such functions say PARTITION OF, which takes the heaviest.
  step.locks = wanted_locks(context, pg::LockMode::access_exclusive);
  return step;
}

}  // namespace pgcaretaker::partition
