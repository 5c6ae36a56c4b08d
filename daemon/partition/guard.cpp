// SPDX-License-Identifier: Apache-2.0
// Writing guards.
#include "partition/guard.hpp"

#include <fmt/format.h>

#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

using task::Statement;
using task::Step;

std::vector<Statement> guard_statements(const StepContext& context, const std::string& condition,
                                        const std::string& purpose) {
  const std::string table = context.default_partition->name.sql();
  return {make_statement(statement::raise_guard,
                         fmt::format("ALTER TABLE {} ADD CONSTRAINT {}\n  CHECK ({}) NOT VALID",
                                     table, guard_name, condition)),
          make_statement(statement::raise_guard,
                         fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", guard_name, table,
                                     pg::quote_literal(std::string{guard_marker} + purpose))),
          make_statement(statement::validate_guard,
                         fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, guard_name))};
}

Statement drop_guard_statement(const config::TableName& table, const std::string& guard) {
  return make_statement(statement::drop_guard,
                        fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", table.sql(),
                                    config::quote_identifier(guard)));
}

Step guarded(const StepContext& context, Step creation, const TimeRange& range) {
  const std::string key = config::quote_identifier(context.key_column);
  const std::string_view type = sql_type(context.key);
  std::vector<Statement> statements = guard_statements(
      context,
      fmt::format("{0} < {1} '{2}' OR {0} >= {1} '{3}'", key, type,
                  bound_literal(context.key, range.lower), bound_literal(context.key, range.upper)),
      "gone with the next pass; keeps " + range_text(range) + std::string{guard_far_ahead});
  append(statements, std::move(creation.statements));
  statements.push_back(
      drop_guard_statement(context.default_partition->name, std::string{guard_name}));
  creation.statements = std::move(statements);
  return creation;
}

Statement taken_back(const Step& step) {
  for (const Statement& sent : step.statements) {
    if (sent.name != statement::raise_guard) continue;
    const std::string table = sent.sql.substr(0, sent.sql.find(" ADD CONSTRAINT "));
    return make_statement(statement::drop_guard,
                          fmt::format("{} DROP CONSTRAINT IF EXISTS {}", table, guard_name));
  }
  return {};
}

Step unguard_step(const StepContext& context, const std::vector<std::string>& guards) {
  const config::TableName& table = context.default_partition->name;
  Step step;
  step.action = action::unguard;
  step.subject = table.text();
  step.reason = "an interrupted pass left a guard on it, which refuses rows";
  for (const std::string& guard : guards) {
    step.statements.push_back(drop_guard_statement(table, guard));
  }
  step.lock = "ACCESS EXCLUSIVE on " + table.text();
  step.locks = {{context.default_partition->oid, pg::LockMode::access_exclusive}};
  return step;
}

}  // namespace pgcaretaker::partition
