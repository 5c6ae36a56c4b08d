// SPDX-License-Identifier: Apache-2.0
// Row versions are immutable: (ctid, xmin) names one, and a set of them is a content.
#include "archive/proof.hpp"

#include <fmt/format.h>

#include "postgres/quote.hpp"

namespace pgcaretaker::archive {

std::string fingerprint_sql(const config::TableName& table) {
  // XOR loses nothing here: no two rows of a table share a ctid.
  return fmt::format(
      "SELECT pg_catalog.count(*) AS rows,\n"
      "       COALESCE(pg_catalog.bit_xor(pg_catalog.hashtidextended(\n"
      "         t.ctid, t.xmin::pg_catalog.text::pg_catalog.int8)), 0) AS versions\n"
      "  FROM ONLY {} AS t",
      table.sql());
}

std::vector<task::Statement> unchanged_since(const Fingerprint& fingerprint,
                                             const config::TableName& table) {
  task::Statement lock;
  lock.name = "archive.lock";
  lock.sql = fmt::format("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table.sql());
  task::Statement proof;
  proof.name = "archive.unchanged";
  proof.sql = fmt::format(
      "SELECT 1 FROM (\n{}) AS found\n"
      " WHERE found.rows = {} AND found.versions = {}\n"
      "   AND {}::pg_catalog.regclass::pg_catalog.oid = {}\n"
      "   AND pg_catalog.pg_relation_filenode({}) = {}",
      fingerprint_sql(table), fingerprint.rows, fingerprint.versions,
      pg::quote_literal(table.sql()), fingerprint.oid, fingerprint.oid, fingerprint.filenode);
  proof.expect_rows = 1;
  return {std::move(lock), std::move(proof)};
}

}  // namespace pgcaretaker::archive
