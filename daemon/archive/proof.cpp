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

std::vector<task::Statement> unchanged_since_archived(std::int64_t oid,
                                                      const config::TableName& table) {
  task::Statement lock;
  lock.name = "archive.lock";
  lock.sql = fmt::format("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table.sql());
  task::Statement proof;
  proof.name = unchanged_proof;
  proof.sql = fmt::format(
      "SELECT 1 FROM (\n{}) AS found\n"
      " WHERE found.rows = $1::pg_catalog.int8 AND found.versions = $2::pg_catalog.int8\n"
      "   AND {}::pg_catalog.regclass::pg_catalog.oid = {}\n"
      "   AND pg_catalog.pg_relation_filenode({}) = $3::pg_catalog.oid",
      fingerprint_sql(table), pg::quote_literal(table.sql()), oid, oid);
  proof.params = {"rows in the archive", "their versions", "their file node"};
  proof.expect_rows = 1;
  return {std::move(lock), std::move(proof)};
}

void compare_with(task::Statement& proof, const Fingerprint& fingerprint) {
  proof.params = {std::to_string(fingerprint.rows), std::to_string(fingerprint.versions),
                  std::to_string(fingerprint.filenode)};
}

}  // namespace pgcaretaker::archive
