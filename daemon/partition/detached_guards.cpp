// SPDX-License-Identifier: Apache-2.0
// Guards of a table that stands alone.
#include "partition/detached_guards.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "partition/steps.hpp"
#include "partition/triggers.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Statement;

std::string proof_sql(const config::NewPartitions& wanted, std::int64_t parent,
                      const ObservedPartition& table) {
  std::vector<std::string> rows;
  if (wanted.triggers) {
    rows.push_back(
        fmt::format("('a trigger of its parent is missing or another', {})", lacks_trigger("")));
  }
  if (wanted.row_security) {
    rows.emplace_back(
        "('row-level security is not enabled and forced',\n"
        "        NOT (c.relrowsecurity AND c.relforcerowsecurity))");
  }
  if (wanted.no_grants) {
    rows.emplace_back(
        "('others than its owner have privileges on it', EXISTS (\n"
        "         SELECT FROM pg_catalog.aclexplode(c.relacl) AS g\n"
        "          WHERE g.grantee <> c.relowner))");
  }
  if (rows.empty()) return {};
  return fmt::format(
      "SELECT {} AS subject, found.missing AS value\n"
      "  FROM pg_catalog.pg_class AS p, pg_catalog.pg_class AS c,\n"
      "       LATERAL (VALUES {}) AS found (missing, is_so)\n"
      " WHERE p.oid = {} AND c.oid = {} AND found.is_so",
      pg::quote_literal(table.name.text()), fmt::join(rows, ",\n       "), parent, table.oid);
}

}  // namespace

std::vector<Statement> guards_of_detached(const config::Partition& settings, const Pattern& pattern,
                                          const Ties& ties, std::int64_t parent,
                                          const ObservedPartition& table) {
  const config::NewPartitions& wanted = settings.created;
  const std::string name = table.name.sql();
  std::vector<Statement> statements;
  if (wanted.triggers) {
    for (const Pattern::Trigger& trigger : pattern.row_triggers) {
      append(statements, trigger_statements(trigger, table.name, true));
    }
    for (const Pattern::Trigger& trigger : pattern.triggers) {
      const bool is_there = std::ranges::find(ties.triggers, trigger.name) != ties.triggers.end();
      if (!is_there) append(statements, trigger_statements(trigger, table.name));
    }
  }
  if (wanted.row_security) {
    statements.push_back(make_statement(
        statement::liken,
        fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", name)));
  }
  if (wanted.no_grants) {
    std::string from = "PUBLIC";
    for (const std::string& grantee : ties.grantees) {
      from += ", " + config::quote_identifier(grantee);
    }
    // What a grantee has handed on goes with it.
    statements.push_back(make_statement(
        statement::liken, fmt::format("REVOKE ALL ON TABLE {} FROM {} CASCADE", name, from)));
  }
  std::string proof = proof_sql(wanted, parent, table);
  if (!proof.empty()) {
    statements.push_back(make_statement(statement::verify_guards, std::move(proof)));
  }
  return statements;
}

}  // namespace pgcaretaker::partition
