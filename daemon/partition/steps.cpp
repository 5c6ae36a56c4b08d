// SPDX-License-Identifier: Apache-2.0
// Writing DDL: names always quoted, literals from values we formatted or quoted ourselves.
#include "partition/steps.hpp"

#include <fmt/format.h>

#include <iterator>

#include "partition/likeness.hpp"
#include "postgres/quote.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Statement;
using task::Step;

Statement make(std::string_view name, std::string sql, std::optional<int> expect_rows = {}) {
  return Statement{std::string{name}, std::move(sql), {}, expect_rows};
}

Statement lock_only(const config::TableName& table) {
  return make(statement::lock,
              fmt::format("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE", table.sql()));
}

/// Still the planned partition, of the planned parent, with the planned bounds. Past its time it
/// stays, since time only goes on, unless retention_query has changed its mind.
Statement guard(const StepContext& context, const Member& member) {
  const ObservedPartition& partition = member.observed;
  return make(
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

Statement still_expired(const StepContext& context, const Member& member,
                        const Retention& retention) {
  return make(statement::retention,
              fmt::format("SELECT 1\n"
                          "  FROM {} AS answer (days)\n"
                          " WHERE answer.days::text::int4 >= 1\n"
                          "   AND timestamptz '{}' <= timestamptz '{}'\n"
                          "       - pg_catalog.make_interval(days => answer.days::text::int4)",
                          subquery(context.settings.retention_query),
                          pg::format_timestamp(member.range.upper),
                          pg::format_timestamp(retention.cutoff + retention.keep)),
              1);
}

std::vector<Statement> guarded(const StepContext& context, const Member& member,
                               const Retention& retention) {
  std::vector<Statement> statements;
  statements.push_back(guard(context, member));
  if (retention.shortened) statements.push_back(still_expired(context, member, retention));
  if (!context.settings.hold_query.empty()) {
    statements.push_back(hold_statement(context.settings.hold_query, member.range));
  }
  return statements;
}

/// `2026-11-01` is a literal of date, timestamp and timestamptz alike, so the function may take
/// any.
std::string function_argument(UtcTime lower) {
  const std::string text = pg::format_timestamp(lower);
  const bool midnight = lower == std::chrono::floor<std::chrono::days>(lower);
  return midnight ? text.substr(0, text.find(' ')) : text;
}

void add_names(std::string& lock, const std::vector<Neighbour>& tables) {
  for (const Neighbour& table : tables) {
    lock += ", " + table.name;
  }
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

/// What is looked at before the step asks: the parent, the default, `partition` if there is one,
/// and both ends of foreign keys, whose triggers come and go with a partition.
std::vector<pg::WantedLock> wanted_locks(const StepContext& context, pg::LockMode on_parent,
                                         const ObservedPartition* partition = nullptr) {
  std::vector<pg::WantedLock> locks{{context.table_oid, on_parent}};
  if (partition != nullptr) locks.push_back({partition->oid, pg::LockMode::access_exclusive});
  if (context.default_partition) {
    locks.push_back({context.default_partition->oid, pg::LockMode::access_exclusive});
  }
  const auto on_neighbours = on_parent == pg::LockMode::share_update_exclusive
                                 ? pg::LockMode::share_row_exclusive
                                 : pg::LockMode::access_exclusive;
  for (const Neighbour& table : context.referenced) {
    locks.push_back({table.oid, on_neighbours});
  }
  for (const Neighbour& table : context.referencing) {
    locks.push_back({table.oid, on_neighbours});
  }
  return locks;
}

void append(std::vector<Statement>& to, std::vector<Statement> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

/// Where acts are written down: the row for this one, about the partition of the condition.
void write_down(const StepContext& context, Step& step, const std::string& condition) {
  if (!context.journal) return;
  step.statements.push_back(
      journal_statement(*context.journal, step.action, condition, step.reason));
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
    step.statements.push_back(
        make(statement::create,
             fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY){}",
                         partition.name.sql(), parent,
                         storage_clause(context.settings.created, context.pattern))));
    append(step.statements,
           liken(context.settings, context.pattern, context.owner, partition.name));
  }
  if (partitions.size() > 1) {
    // The locks that the first ATTACH would take anyway, before the wait for them is repeated.
    step.statements.push_back(make(
        statement::lock, fmt::format("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE", parent)));
    if (context.default_partition) {
      step.statements.push_back(lock_only(context.default_partition->name));
    }
  }
  for (const NewPartition& partition : partitions) {
    step.statements.push_back(
        make(statement::attach,
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
      make(statement::create_function, fmt::format("SELECT {}('{}')", function.sql(),
                                                   function_argument(partition.range.lower))),
      make(statement::verify_created,
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

Step retire_step(const StepContext& context, const Member& member, const Retention& retention,
                 std::string reason) {
  const config::TableName& partition = member.observed.name;
  const config::TableName& parent = context.settings.table;
  const bool drop = context.settings.expire == config::Expire::drop;
  Step step;
  step.action = drop ? action::drop : action::detach;
  step.subject = partition.text();
  step.reason = std::move(reason);
  step.statements = {lock_only(parent), lock_only(partition)};
  for (Statement& check : guarded(context, member, retention)) {
    step.statements.push_back(std::move(check));
  }
  write_down(context, step, fmt::format("c.oid = {}", member.observed.oid));
  step.statements.push_back(
      make(statement::detach,
           fmt::format("ALTER TABLE {} DETACH PARTITION {}", parent.sql(), partition.sql())));
  if (drop) {
    step.statements.push_back(make(statement::drop, fmt::format("DROP TABLE {}", partition.sql())));
  }
  step.lock = "ACCESS EXCLUSIVE on " + parent.text() + ", " + partition.text();
  if (context.default_partition) step.lock += ", " + context.default_partition->name.text();
  add_names(step.lock, context.referenced);
  add_names(step.lock, context.referencing);
  step.locks = wanted_locks(context, pg::LockMode::access_exclusive, &member.observed);
  step.reversible = !drop;
  step.by_age = true;
  return step;
}

Step drop_by_function_step(const StepContext& context, const Member& member,
                           const Retention& retention, std::string reason) {
  const ObservedPartition& partition = member.observed;
  const config::TableName& function = context.settings.drop_function.value();
  Step step;
  step.action = action::drop;
  step.subject = partition.name.text();
  step.reason = std::move(reason);
  step.statements = guarded(context, member, retention);
  write_down(context, step, fmt::format("c.oid = {}", partition.oid));
  step.statements.push_back(
      make(statement::drop_function,
           fmt::format("SELECT {}({})", function.sql(), pg::quote_literal(partition.name.name))));
  step.statements.push_back(
      make(statement::verify_dropped,
           fmt::format("SELECT 1 WHERE NOT EXISTS (\n"
                       "  SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = {})",
                       partition.oid),
           1));
  step.lock = "chosen by " + function.text();
  step.locks = wanted_locks(context, pg::LockMode::access_exclusive, &partition);
  step.reversible = false;
  step.by_age = true;
  return step;
}

std::string planned_bounds(const Step& step) {
  std::string bounds;
  for (const Statement& sent : step.statements) {
    if (sent.name != statement::attach && sent.name != statement::verify_created) continue;
    const std::string& text = sent.params.empty() ? sent.sql : sent.params.front();
    const auto from = text.find("FROM ('");
    if (from != std::string::npos) bounds += (bounds.empty() ? "" : ", ") + text.substr(from);
  }
  return bounds;
}

std::string subquery(std::string_view sql) {
  const auto last = sql.find_last_not_of(" \t\r\n;");
  sql = sql.substr(0, last == std::string_view::npos ? 0 : last + 1);
  // The line break keeps a comment at its end from swallowing the parenthesis.
  return fmt::format("({}\n)", sql);
}

Statement hold_statement(const std::string& hold_query, const TimeRange& range) {
  // The first FROM item gives both parameters their type before hold_query is read, and makes them
  // used when hold_query uses only one.
  Statement hold = make(statement::hold,
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
