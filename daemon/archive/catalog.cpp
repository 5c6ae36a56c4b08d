// SPDX-License-Identifier: Apache-2.0
// Catalog queries of archiving.
#include "archive/catalog.hpp"

#include <fmt/format.h>

#include "archive/error.hpp"
#include "archive/proof.hpp"

namespace pgcaretaker::archive {

namespace {

using config::TableName;

// The expression and the type are written with an empty search_path: all names have their schema.
constexpr const char* columns_sql =
    "SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,\n"
    "       CASE WHEN a.attcollation <> t.typcollation THEN n.nspname END AS collation_schema,\n"
    "       CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation_name,\n"
    "       a.attnotnull AS not_null,\n"
    "       CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' ELSE '' END\n"
    "         AS generated,\n"
    "       CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)\n"
    "            ELSE '' END AS expression,\n"
    "       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END\n"
    "         AS identity\n"
    "  FROM pg_catalog.pg_attribute AS a\n"
    "  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid\n"
    "  JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace\n"
    "  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid\n"
    "  LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation\n"
    "  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = l.collnamespace\n"
    "  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum\n"
    " WHERE s.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped\n"
    " ORDER BY a.attnum";

constexpr const char* table_sql =
    "SELECT c.relkind::text AS kind,\n"
    "       COALESCE(pg_catalog.pg_relation_filenode(c.oid), 0)::int8 AS filenode,\n"
    "       COALESCE(pg_catalog.pg_get_expr(c.relpartbound, 0), '') AS bounds,\n"
    "       pg_catalog.current_database() AS database,\n"
    "       pg_catalog.current_setting('server_encoding') AS encoding\n"
    "  FROM pg_catalog.pg_class AS c\n"
    "  JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace\n"
    " WHERE c.oid = $1 AND s.nspname = $2 AND c.relname = $3";

constexpr const char* key_sql =
    "SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type\n"
    "  FROM pg_catalog.pg_partitioned_table AS p\n"
    "  JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid\n"
    "  JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace\n"
    "  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]\n"
    " WHERE s.nspname = $1 AND c.relname = $2";

constexpr const char* find_sql =
    "SELECT c.oid::int8 AS oid, c.relkind::text AS kind,\n"
    "       COALESCE(pg_catalog.pg_get_expr(c.relpartbound, 0), '') AS bounds,\n"
    "       EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = c.oid) AS child,\n"
    "       ps.nspname AS parent_schema, pc.relname AS parent_name,\n"
    "       pg_catalog.row_security_active(c.oid) AS filtered,\n"
    "       c.relforcerowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE') AS forced\n"
    "  FROM pg_catalog.pg_class AS c\n"
    "  JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace\n"
    "  LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid AND c.relispartition\n"
    "  LEFT JOIN pg_catalog.pg_class AS pc ON pc.oid = i.inhparent\n"
    "  LEFT JOIN pg_catalog.pg_namespace AS ps ON ps.oid = pc.relnamespace\n"
    " WHERE s.nspname = $1 AND c.relname = $2";

std::optional<TableName> name_in(const pg::Row& row, std::string_view schema,
                                 std::string_view name) {
  if (row.is_null(schema) || row.is_null(name)) return std::nullopt;
  return TableName{row.get<std::string>(schema), row.get<std::string>(name)};
}

Column column_in(const pg::Row& row) {
  Column column;
  column.name = row.get<std::string>("name");
  column.type = row.get<std::string>("type");
  column.collation = name_in(row, "collation_schema", "collation_name");
  column.not_null = row.get<bool>("not_null");
  column.generated = row.get<std::string>("generated");
  column.expression = row.get<std::string>("expression");
  column.identity = row.get<std::string>("identity");
  return column;
}

// What ATTACH locks, as PostgreSQL 14 to 18 do.
constexpr const char* locks_sql = R"(
SELECT $1::int8 AS relation, 'parent' AS what
UNION ALL
SELECT p.partdefid::int8, 'default' FROM pg_catalog.pg_partitioned_table AS p
 WHERE p.partrelid = $1::oid AND p.partdefid <> 0
UNION ALL
SELECT CASE WHEN f.conrelid = $1::oid THEN f.confrelid ELSE f.conrelid END::int8, 'key'
  FROM pg_catalog.pg_constraint AS f
 WHERE f.contype = 'f' AND $1::oid IN (f.conrelid, f.confrelid))";

}  // namespace

Awaitable<Found> find_table(pg::Connection& connection, const TableName& table) {
  const pg::Result rows =
      co_await connection.query("archive.find", find_sql, table.schema, table.name);
  Found found;
  for (const pg::Row row : rows) {
    found.oid = row.get<std::int64_t>("oid");
    found.kind = row.text("kind").front();
    found.bounds = row.get<std::string>("bounds");
    found.parent = name_in(row, "parent_schema", "parent_name");
    found.is_child = row.get<bool>("child");
    found.is_filtered = row.get<bool>("filtered");
    found.is_forced = row.get<bool>("forced");
  }
  co_return found;
}

Awaitable<void> set_encoding(pg::Connection& connection, const std::string& encoding) {
  const std::string sql = "SELECT pg_catalog.set_config('client_encoding', $1, true)";
  co_await connection.query("archive.encoding", sql, encoding);
}

Awaitable<void> require_detached(pg::Connection& connection, std::int64_t oid,
                                 const TableName& table) {
  const Found found = co_await find_table(connection, table);
  if (found.oid != oid) {
    throw Interruption{
        fmt::format("{} is another table by now: nothing was archived", table.text())};
  }
  if (found.is_child) {
    throw Interruption{
        fmt::format("{} is attached to a table by now: nothing was archived", table.text())};
  }
}

Awaitable<std::vector<Column>> columns_of(pg::Connection& connection, const TableName& table) {
  const pg::Result rows =
      co_await connection.query("archive.columns", columns_sql, table.schema, table.name);
  std::vector<Column> columns;
  for (const pg::Row row : rows) {
    columns.push_back(column_in(row));
  }
  co_return columns;
}

Awaitable<Manifest> describe(pg::Connection& connection, std::int64_t oid, const TableName& table,
                             const std::optional<TableName>& parent) {
  Manifest manifest;
  manifest.table = table;
  manifest.parent = parent;
  manifest.host = connection.peer();
  manifest.server_version = connection.server_version();
  {
    const pg::Result rows =
        co_await connection.query("archive.table", table_sql, oid, table.schema, table.name);
    if (rows.empty()) {
      throw Error{fmt::format("{} is another table by now: nothing was archived", table.text())};
    }
    const pg::Row row = rows.only_row();
    if (row.text("kind") != "r") {
      throw Error{
          fmt::format("{} is no plain table, only such a one can be archived", table.text())};
    }
    manifest.bounds = row.get<std::string>("bounds");
    manifest.database = row.get<std::string>("database");
    manifest.encoding = row.get<std::string>("encoding");
    manifest.fingerprint.oid = oid;
    manifest.fingerprint.filenode = row.get<std::int64_t>("filenode");
  }
  manifest.columns = co_await columns_of(connection, table);
  if (parent) {
    const pg::Result key =
        co_await connection.query("archive.key", key_sql, parent->schema, parent->name);
    for (const pg::Row row : key) {
      manifest.key_column = row.get<std::string>("name");
      manifest.key_type = row.get<std::string>("type");
    }
  }
  const pg::Result proof = co_await connection.query("archive.fingerprint", fingerprint_sql(table));
  manifest.fingerprint.rows = proof.only_row().get<std::int64_t>("rows");
  manifest.fingerprint.versions = proof.only_row().get<std::int64_t>("versions");
  manifest.rows = manifest.fingerprint.rows;
  co_return manifest;
}

Awaitable<void> revoke_from_others(pg::Connection& connection, const config::TableName& table) {
  const std::string name = table.sql();
  std::vector<std::string> grantees;
  {
    const pg::Result rows = co_await connection.query(
        "archive.grantees",
        "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'\n"
        "                     ELSE pg_catalog.quote_ident(r.rolname) END AS grantee\n"
        "  FROM pg_catalog.pg_class AS c\n"
        "  CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a\n"
        "  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee\n"
        " WHERE c.oid = $1::pg_catalog.regclass AND a.grantee <> c.relowner",
        name);
    for (const pg::Row row : rows) {
      grantees.push_back(row.get<std::string>("grantee"));
    }
  }
  for (const std::string& grantee : grantees) {
    const std::string sql = fmt::format("REVOKE ALL ON TABLE {} FROM {}", name, grantee);
    co_await connection.query("archive.revoke", sql);
  }
}

Awaitable<std::vector<pg::WantedLock>> locks_of_attach(pg::Connection& connection,
                                                       std::int64_t parent) {
  const pg::Result rows = co_await connection.query("archive.locks", locks_sql, parent);
  std::vector<pg::WantedLock> locks;
  for (const pg::Row row : rows) {
    const auto what = row.get<std::string>("what");
    const bool is_key = what == "key";
    locks.push_back({row.get<std::int64_t>("relation"),
                     what == "parent" ? pg::LockMode::share_update_exclusive
                     : is_key         ? pg::LockMode::share_row_exclusive
                                      : pg::LockMode::access_exclusive,
                     is_key});
  }
  co_return locks;
}

}  // namespace pgcaretaker::archive
