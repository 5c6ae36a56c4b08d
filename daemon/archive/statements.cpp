// SPDX-License-Identifier: Apache-2.0
// Manifest -> DDL.
#include "archive/statements.hpp"

#include <fmt/format.h>

#include <algorithm>

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

std::string column_list(const Manifest& manifest) {
  std::string list;
  for (const std::string& name : manifest.copied_columns()) {
    list += (list.empty() ? "" : ", ") + quote_identifier(name);
  }
  return list;
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
  return fmt::format("COPY {} ({}) TO STDOUT ({})", manifest.table.sql(), column_list(manifest),
                     options_of(format));
}

std::string copy_in_sql(const Manifest& manifest, const TableName& name, FileFormat format) {
  return fmt::format("COPY {} ({}) FROM STDIN ({})", name.sql(), column_list(manifest),
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
