// SPDX-License-Identifier: Apache-2.0
// The parent's own definition, with another table in it.
#include "partition/triggers.hpp"

#include <fmt/format.h>

#include "partition/steps.hpp"

namespace pgcaretaker::partition {

namespace {

using config::quote_identifier;
using task::Statement;

/// The name comes first and is skipped, so that what is in it is not taken for the table.
std::string on_table(const Pattern::Trigger& trigger, const config::TableName& table) {
  const std::string on = fmt::format(" ON {} ", trigger.table);
  const auto at = trigger.definition.find(on, trigger.name.size());
  if (at == std::string::npos) return {};
  return trigger.definition.substr(0, at) + fmt::format(" ON {} ", table.sql()) +
         trigger.definition.substr(at + on.size());
}

/// As ALTER TABLE says what pg_trigger.tgenabled means; "" for the usual.
std::string_view enabling(char enabled) {
  switch (enabled) {
    case 'D':
      return "DISABLE";
    case 'A':
      return "ENABLE ALWAYS";
    case 'R':
      return "ENABLE REPLICA";
    default:
      return "";
  }
}

}  // namespace

std::vector<Statement> trigger_statements(const Pattern::Trigger& trigger,
                                          const config::TableName& table, bool instead) {
  std::string definition = on_table(trigger, table);
  if (definition.empty()) return {};
  std::vector<Statement> statements;
  const std::string name = quote_identifier(trigger.name);
  if (instead) {
    statements.push_back(make_statement(
        statement::liken, fmt::format("DROP TRIGGER IF EXISTS {} ON {}", name, table.sql())));
  }
  statements.push_back(make_statement(statement::liken, std::move(definition)));
  const std::string_view enable = enabling(trigger.enabled);
  if (!enable.empty()) {
    statements.push_back(make_statement(
        statement::liken, fmt::format("ALTER TABLE {} {} TRIGGER {}", table.sql(), enable, name)));
  }
  return statements;
}

std::string lacks_trigger(std::string_view which) {
  // Both definitions without their table. Names stand in full under our empty search path.
  return fmt::format(
      "EXISTS (\n"
      "         SELECT FROM pg_catalog.pg_trigger AS a\n"
      "          WHERE a.tgrelid = p.oid AND NOT a.tgisinternal{} AND NOT EXISTS (\n"
      "            SELECT FROM pg_catalog.pg_trigger AS b WHERE b.tgrelid = c.oid\n"
      "               AND b.tgname = a.tgname AND b.tgenabled = a.tgenabled\n"
      "               AND replace(pg_catalog.pg_get_triggerdef(b.oid),\n"
      "                           ' ON ' || c.oid::pg_catalog.regclass || ' ', ' ON ')\n"
      "                 = replace(pg_catalog.pg_get_triggerdef(a.oid),\n"
      "                           ' ON ' || p.oid::pg_catalog.regclass || ' ', ' ON ')))",
      which);
}

}  // namespace pgcaretaker::partition
