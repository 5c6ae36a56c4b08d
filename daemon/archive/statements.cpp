// SPDX-License-Identifier: Apache-2.0
// Manifest -> DDL.
#include "archive/statements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace pgcaretaker::archive {

namespace {

using config::quote_identifier;
using config::TableName;

std::string type_of(const Column& column) {
  std::string text = column.type;
  if (column.collation) text += " COLLATE " + column.collation->sql();
  return text;
}

std::string column_sql(const Column& column) {
  std::string sql = quote_identifier(column.name) + ' ' + type_of(column);
  if (!column.generated.empty()) {
    sql += fmt::format(" GENERATED ALWAYS AS ({}) {}", column.expression,
                       column.generated == "virtual" ? "VIRTUAL" : "STORED");
  }
  if (column.not_null) sql += " NOT NULL";
  return sql;
}

/// The character that `text`, which is UTF-8, begins with, and takes it away.
char32_t take_character(std::string_view& text) {
  const auto byte_at = [&](std::size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(at < text.size() ? text[at] : 0));
  };
  const char32_t first = byte_at(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t character = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    character = (character << 6U) | (byte_at(at) & 0x3FU);
  }
  text.remove_prefix(std::min(length, text.size()));
  return character;
}

/// An identifier in ASCII, whatever is in it.
std::string escaped(std::string_view name) {
  std::string sql = "U&\"";
  while (!name.empty()) {
    const char32_t character = take_character(name);
    if (character >= 0x80) {
      sql += fmt::format("\\+{:06X}", static_cast<std::uint32_t>(character));
    } else {
      if (character == '"' || character == '\\') sql += static_cast<char>(character);
      sql += static_cast<char>(character);
    }
  }
  return sql + '"';
}

std::string identifier(std::string_view name, std::string_view server_encoding) {
  const bool is_ascii = std::ranges::none_of(name, [](char c) { return (c & 0x80) != 0; });
  return is_ascii || server_encoding == "SQL_ASCII" ? quote_identifier(name) : escaped(name);
}

/// The table and its columns.
std::string copied(const Manifest& manifest, const TableName& table,
                   std::string_view server_encoding) {
  std::string list;
  for (const std::string& name : manifest.copied_columns()) {
    list += (list.empty() ? "" : ", ") + identifier(name, server_encoding);
  }
  return fmt::format("{}.{} ({})", identifier(table.schema, server_encoding),
                     identifier(table.name, server_encoding), list);
}

const char* options_of(FileFormat format) {
  return format == FileFormat::binary ? "FORMAT binary" : "FORMAT csv, HEADER";
}

std::string generation(const Column& column) {
  return column.generated.empty() ? "a plain column" : "generated " + column.generated;
}

}  // namespace

std::string create_free_sql(const Manifest& manifest, const TableName& name) {
  std::string columns;
  for (const Column& column : manifest.columns) {
    columns += (columns.empty() ? "\n  " : ",\n  ") + column_sql(column);
  }
  return fmt::format("CREATE TABLE {} ({})", name.sql(), columns);
}

std::string create_like_sql(const TableName& parent, const TableName& name) {
  return fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)", name.sql(),
                     parent.sql());
}

std::string attach_sql(const Manifest& manifest, const TableName& name) {
  return fmt::format("ALTER TABLE {} ATTACH PARTITION {}\n  {}", manifest.parent.value().sql(),
                     name.sql(), manifest.bounds);
}

std::string copy_out_sql(const Manifest& manifest, FileFormat format) {
  return fmt::format("COPY {} TO STDOUT ({})", copied(manifest, manifest.table, manifest.encoding),
                     options_of(format));
}

std::string copy_in_sql(const Manifest& manifest, const TableName& name, FileFormat format,
                        std::string_view server_encoding) {
  return fmt::format("COPY {} FROM STDIN ({})", copied(manifest, name, server_encoding),
                     options_of(format));
}

std::vector<std::string> column_differences(const std::vector<Column>& archived,
                                            const std::vector<Column>& present) {
  std::vector<std::string> differences;
  for (const Column& column : archived) {
    const auto now = std::ranges::find(present, column.name, &Column::name);
    if (now == present.end()) {
      differences.push_back(fmt::format("column {} is gone", column.name));
    } else if (type_of(*now) != type_of(column)) {
      differences.push_back(
          fmt::format("column {} was {}, is {} now", column.name, type_of(column), type_of(*now)));
    } else if (now->generated != column.generated) {
      differences.push_back(fmt::format("column {} was {}, is {} now", column.name,
                                        generation(column), generation(*now)));
    } else if (now->expression != column.expression) {
      differences.push_back(fmt::format("column {} was generated as {}, is as {} now", column.name,
                                        column.expression, now->expression));
    }
  }
  for (const Column& column : present) {
    if (std::ranges::find(archived, column.name, &Column::name) == archived.end()) {
      differences.push_back(fmt::format("column {} is new", column.name));
    }
  }
  return differences;
}

}  // namespace pgcaretaker::archive
