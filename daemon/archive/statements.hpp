// SPDX-License-Identifier: Apache-2.0
// COPY in both directions, and the statements that make a table to restore into. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "archive/manifest.hpp"

namespace pgcaretaker::archive {

/// CREATE TABLE from the column list alone: names, types, collations, NOT NULL, generated columns.
/// Indexes, constraints, defaults and identities are not in an archive.
[[nodiscard]] std::string create_free_sql(const Manifest& manifest, const config::TableName& name);

/// CREATE TABLE with everything that a partition of the parent has.
[[nodiscard]] std::string create_like_sql(const config::TableName& parent,
                                          const config::TableName& name);

[[nodiscard]] std::string attach_sql(const Manifest& manifest, const config::TableName& name);

/// COPY ... TO STDOUT for one of the files. Both are sent when client_encoding is that of the file,
/// in which names that are not ASCII would be something else: they are written with escapes. Only
/// where the server's encoding is SQL_ASCII, which has none, they are written as they are.
[[nodiscard]] std::string copy_out_sql(const Manifest& manifest, FileFormat format);
/// COPY ... FROM STDIN for one of the files.
[[nodiscard]] std::string copy_in_sql(const Manifest& manifest, const config::TableName& name,
                                      FileFormat format, std::string_view server_encoding);

/// What keeps rows with the columns `archived` out of a table with the columns `present`, one
/// clause each: "column note was text, is bigint now". Order does not matter.
[[nodiscard]] std::vector<std::string> column_differences(const std::vector<Column>& archived,
                                                          const std::vector<Column>& present);

}  // namespace pgcaretaker::archive
