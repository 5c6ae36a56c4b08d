// SPDX-License-Identifier: Apache-2.0
// A schema-qualified name: how configuration, SQL and labels spell a table or function.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pgcaretaker::config {

/// Bytes; PostgreSQL cuts the rest silently (NAMEDATALEN - 1).
inline constexpr std::size_t longest_name = 63;

/// "name" -> "\"name\"": always quoted, inner quotes doubled.
[[nodiscard]] std::string quote_identifier(std::string_view name);

struct TableName {
  std::string schema;
  std::string name;

  bool operator==(const TableName&) const = default;

  /// Both parts quoted, ready for a statement: "public"."audit_events".
  [[nodiscard]] std::string sql() const;
  /// As a person writes it, quoted only where needed: public.audit_events.
  [[nodiscard]] std::string text() const;
};

/// Reads `schema.name`; either part may be double-quoted, unquoted parts fold to lower case as in
/// SQL. nullopt unless there are exactly two non-empty parts of at most 63 bytes each.
[[nodiscard]] std::optional<TableName> parse_table_name(std::string_view text);

}  // namespace pgcaretaker::config
