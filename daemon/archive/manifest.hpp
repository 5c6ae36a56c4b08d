// SPDX-License-Identifier: Apache-2.0
// What an archive says of itself: manifest.json as a value. docs/archive.md is its contract.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config/table_name.hpp"

namespace pgcaretaker::archive {

inline constexpr int format_version = 1;
inline constexpr std::string_view manifest_name = "manifest.json";
inline constexpr std::string_view binary_name = "data.bin.zst";
inline constexpr std::string_view csv_name = "data.csv.zst";

struct Column {
  std::string name;
  std::string type;                              // format_type, names with their schema
  std::optional<config::TableName> collation{};  // where it is not the type's own
  bool not_null = false;
  std::string generated{};   // "" = its values are in the files; "stored", "virtual": they are not
  std::string expression{};  // of a generated column
  std::string identity{};    // "", "always", "by default"

  bool operator==(const Column&) const = default;
};

enum class FileFormat { binary, csv };

/// One file of an archive.
struct FileFacts {
  std::string name;
  FileFormat format = FileFormat::binary;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;  // of the COPY stream
  std::string sha256;      // of the COPY stream, lower-case hex
  std::int64_t compressed_bytes = 0;
  std::string compressed_sha256;  // of the file as it lies there

  bool operator==(const FileFacts&) const = default;
};

/// Which rows, in which versions, the table held; see proof.hpp.
struct Fingerprint {
  std::int64_t oid = 0;
  std::int64_t filenode = 0;  // TRUNCATE and whatever writes the table anew change it
  std::int64_t rows = 0;
  std::int64_t versions = 0;  // a checksum over (ctid, xmin) of all rows

  bool operator==(const Fingerprint&) const = default;
};

struct Manifest {
  std::string written_at;   // UTC, ISO 8601
  std::string pgcaretaker;  // version
  std::string plan_id;
  std::string database;
  std::string host;  // where the server was reached
  int server_version = 0;
  std::string encoding;                       // of the CSV file and of text in the binary one
  std::optional<config::TableName> parent{};  // nullopt = it was no partition
  config::TableName table;
  std::string bounds;  // FOR VALUES ...; "" without a parent
  std::string key_column;
  std::string key_type;
  std::int64_t rows = 0;
  std::vector<Column> columns;
  std::vector<FileFacts> files;
  Fingerprint fingerprint;

  bool operator==(const Manifest&) const = default;

  /// nullptr when there is none.
  [[nodiscard]] const FileFacts* file(FileFormat format) const;
  /// Columns whose values are in the files.
  [[nodiscard]] std::vector<std::string> copied_columns() const;
};

/// A manifest that cannot be used; what() is one clause.
struct BadManifest : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// JSON, indented, with a newline at its end.
[[nodiscard]] std::string manifest_text(const Manifest& manifest);
/// Throws BadManifest. Unknown keys are let be: a later minor change may add some.
[[nodiscard]] Manifest parse_manifest(std::string_view text);

}  // namespace pgcaretaker::archive
