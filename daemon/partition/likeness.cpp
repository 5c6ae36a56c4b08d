// SPDX-License-Identifier: Apache-2.0
// What LIKE leaves out.
#include "partition/likeness.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "partition/steps.hpp"
#include "partition/triggers.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using config::quote_identifier;
using task::Statement;

Statement make(std::string sql) {
  return Statement{std::string{statement::liken}, std::move(sql), {}, {}};
}

/// "fillfactor=70" as pg_class.reloptions has it -> fillfactor = '70'.
std::string option(std::string_view prefix, const std::string& text) {
  const auto equals = text.find('=');
  return fmt::format("{}{} = {}", prefix, text.substr(0, equals),
                     pg::quote_literal(text.substr(equals + 1)));
}

/// Everything that one ALTER TABLE can do.
std::vector<std::string> alterations(const config::NewPartitions& wanted, const Pattern& pattern) {
  std::vector<std::string> parts;
  if (wanted.statistics) {
    for (const Pattern::Target& column : pattern.statistics) {
      parts.push_back(fmt::format("ALTER COLUMN {} SET STATISTICS {}",
                                  quote_identifier(column.column), column.target));
    }
  }
  if (wanted.replica_identity && pattern.replica_identity == 'f') {
    parts.emplace_back("REPLICA IDENTITY FULL");
  } else if (wanted.replica_identity && pattern.replica_identity == 'n') {
    parts.emplace_back("REPLICA IDENTITY NOTHING");
  }
  return parts;
}

struct Difference {
  bool is_checked;
  std::string_view text;
  std::string condition;  // of p, the parent, and c, the partition
};

// By index: the partition's own counterpart of the parent's.
constexpr const char* another_identity =
    "c.relreplident <> p.relreplident OR p.relreplident = 'i' AND NOT EXISTS (\n"
    "         SELECT FROM pg_catalog.pg_index AS a\n"
    "           JOIN pg_catalog.pg_inherits AS h ON h.inhparent = a.indexrelid\n"
    "           JOIN pg_catalog.pg_index AS b ON b.indexrelid = h.inhrelid\n"
    "          WHERE a.indrelid = p.oid AND a.indisreplident\n"
    "            AND b.indrelid = c.oid AND b.indisreplident)";

constexpr const char* other_targets =
    "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a\n"
    "         JOIN pg_catalog.pg_attribute AS b ON b.attname = a.attname\n"
    "        WHERE a.attrelid = p.oid AND b.attrelid = c.oid AND a.attnum > 0\n"
    "          AND coalesce(a.attstattarget, -1) <> coalesce(b.attstattarget, -1))";

std::string text_array(const std::vector<std::string>& texts) {
  std::vector<std::string> literals;
  for (const std::string& each : texts)
    literals.push_back(pg::quote_literal(each));
  return fmt::format("ARRAY[{}]::text[]", fmt::join(literals, ", "));
}

/// A table without wide columns has nothing to TOAST, whatever its sibling has.
std::string other_options(const Pattern& pattern) {
  return fmt::format(
      "coalesce(c.reloptions, '{{}}') <> {} OR EXISTS (\n"
      "         SELECT FROM pg_catalog.pg_class AS t\n"
      "          WHERE t.oid = c.reltoastrelid AND coalesce(t.reloptions, '{{}}') <> {})",
      text_array(pattern.options), text_array(pattern.toast_options));
}

/// 0 is the database's.
std::string another_tablespace(const Pattern& pattern) {
  return fmt::format(
      "c.reltablespace <> coalesce((SELECT s.oid FROM pg_catalog.pg_tablespace AS s\n"
      "                                     WHERE s.spcname = {}), 0)",
      pg::quote_literal(pattern.tablespace));
}

std::vector<Difference> differences(const config::NewPartitions& wanted, const Pattern& pattern) {
  const bool has_place = pattern.has_sibling || !pattern.tablespace.empty();
  return {
      {wanted.owner, "another owner", "c.relowner <> p.relowner"},
      {wanted.replica_identity, "another replica identity", another_identity},
      {wanted.statistics, "other statistics targets", other_targets},
      {wanted.storage, "other storage options", other_options(pattern)},
      {wanted.storage && has_place && pattern.may_use_tablespace, "another tablespace",
       another_tablespace(pattern)},
      {wanted.triggers, "a statement trigger is missing or another",
       lacks_trigger(" AND a.tgtype & 1 = 0")},
      {wanted.row_security, "row-level security is not enabled and forced",
       "NOT (c.relrowsecurity AND c.relforcerowsecurity)"},
      {wanted.no_grants, "others than its owner have privileges on it",
       "EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) AS g WHERE g.grantee <> c.relowner)"},
  };
}

std::string proof_sql(const config::NewPartitions& wanted, const Pattern& pattern,
                      std::int64_t parent, const config::TableName& partition) {
  std::vector<std::string> rows;
  for (const Difference& each : differences(wanted, pattern)) {
    if (each.is_checked) rows.push_back(fmt::format("('{}', {})", each.text, each.condition));
  }
  if (rows.empty()) return {};
  return fmt::format(
      "SELECT {0} AS subject, found.difference AS value\n"
      "  FROM pg_catalog.pg_class AS p, pg_catalog.pg_class AS c,\n"
      "       LATERAL (VALUES {1}) AS found (difference, is_there)\n"
      " WHERE p.oid = {2} AND c.oid = {3}::pg_catalog.regclass AND found.is_there",
      pg::quote_literal(partition.text()), fmt::join(rows, ",\n       "), parent,
      pg::quote_literal(partition.sql()));
}

/// The index has the name that LIKE chose; it is known by the parent's index that it belongs to.
std::string replica_index_sql(std::int64_t parent_index, const config::TableName& partition) {
  const std::string body = fmt::format(
      "DECLARE index name; BEGIN\n"
      "  SELECT x.relname INTO STRICT index\n"
      "    FROM pg_catalog.pg_inherits AS h\n"
      "    JOIN pg_catalog.pg_index AS i ON i.indexrelid = h.inhrelid\n"
      "    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid\n"
      "   WHERE h.inhparent = {} AND i.indrelid = {}::pg_catalog.regclass;\n"
      "  EXECUTE {} || pg_catalog.quote_ident(index);\n"
      "END",
      parent_index, pg::quote_literal(partition.sql()),
      pg::quote_literal(
          fmt::format("ALTER TABLE {} REPLICA IDENTITY USING INDEX ", partition.sql())));
  return "DO " + dollar_quoted(body);
}

}  // namespace

std::string storage_clause(const config::NewPartitions& wanted, const Pattern& pattern) {
  if (!wanted.storage) return {};
  std::vector<std::string> options;
  for (const std::string& each : pattern.options) {
    options.push_back(option("", each));
  }
  for (const std::string& each : pattern.toast_options) {
    options.push_back(option("toast.", each));
  }
  std::string clause;
  if (!options.empty()) clause += fmt::format(" WITH ({})", fmt::join(options, ", "));
  if (!pattern.tablespace.empty() && pattern.may_use_tablespace) {
    clause += " TABLESPACE " + quote_identifier(pattern.tablespace);
  }
  return clause;
}

Statement create_like(const config::Partition& settings, const Pattern& pattern,
                      const config::TableName& name) {
  return make_statement(
      statement::create,
      fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY){}", name.sql(),
                  settings.table.sql(), storage_clause(settings.created, pattern)));
}

std::vector<Statement> liken(const config::Partition& settings, const Pattern& pattern,
                             const std::string& owner, const config::TableName& partition) {
  const config::NewPartitions& wanted = settings.created;
  std::vector<Statement> statements;
  const auto parts = alterations(wanted, pattern);
  if (!parts.empty()) {
    statements.push_back(
        make(fmt::format("ALTER TABLE {}\n  {}", partition.sql(), fmt::join(parts, ",\n  "))));
  }
  if (wanted.triggers) {
    for (const Pattern::Trigger& trigger : pattern.triggers) {
      append(statements, trigger_statements(trigger, partition));
    }
  }
  if (wanted.no_grants) {
    std::string from = "PUBLIC";
    for (const std::string& grantee : pattern.grantees) {
      from += ", " + quote_identifier(grantee);
    }
    statements.push_back(
        make(fmt::format("REVOKE ALL ON TABLE {} FROM {}", partition.sql(), from)));
  }
  if (wanted.owner && !owner.empty()) {
    statements.push_back(
        make(fmt::format("ALTER TABLE {} OWNER TO {}", partition.sql(), quote_identifier(owner))));
  }
  return statements;
}

std::vector<Statement> likeness_of_attached(const config::Partition& settings,
                                            const Pattern& pattern, std::int64_t parent,
                                            const config::TableName& partition) {
  std::vector<Statement> statements;
  const config::NewPartitions& wanted = settings.created;
  if (wanted.replica_identity && pattern.replica_identity == 'i' && pattern.replica_index) {
    statements.push_back(make(replica_index_sql(*pattern.replica_index, partition)));
  }
  if (wanted.row_security) {
    statements.push_back(make(fmt::format(
        "ALTER TABLE {} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", partition.sql())));
  }
  std::string proof = proof_sql(wanted, pattern, parent, partition);
  if (!proof.empty()) {
    statements.push_back({std::string{statement::verify_likeness}, std::move(proof), {}, {}});
  }
  return statements;
}

}  // namespace pgcaretaker::partition
