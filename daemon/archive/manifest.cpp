// SPDX-License-Identifier: Apache-2.0
// Manifest <-> JSON.
#include "archive/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgcaretaker::archive {

namespace {

using Json = nlohmann::ordered_json;
using config::TableName;

Json name_json(const TableName& name) {
  return Json{{"schema", name.schema}, {"name", name.name}};
}

TableName name_of(const Json& json) {
  return TableName{json.at("schema").get<std::string>(), json.at("name").get<std::string>()};
}

Json optional_name_json(const std::optional<TableName>& name) {
  return name ? name_json(*name) : Json(nullptr);
}

std::optional<TableName> optional_name_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return name_of(json);
}

std::string_view format_word(FileFormat format) {
  return format == FileFormat::binary ? "binary" : "csv";
}

FileFormat format_of(const std::string& word) {
  if (word == "binary") return FileFormat::binary;
  if (word == "csv") return FileFormat::csv;
  throw BadManifest{"its file format '" + word + "' is unknown"};
}

Json column_json(const Column& column) {
  return Json{{"name", column.name},
              {"type", column.type},
              {"collation", optional_name_json(column.collation)},
              {"not_null", column.not_null},
              {"generated", column.generated},
              {"expression", column.expression},
              {"identity", column.identity}};
}

Column column_of(const Json& json) {
  Column column;
  column.name = json.at("name").get<std::string>();
  column.type = json.at("type").get<std::string>();
  column.collation = optional_name_of(json.at("collation"));
  column.not_null = json.at("not_null").get<bool>();
  column.generated = json.at("generated").get<std::string>();
  column.expression = json.at("expression").get<std::string>();
  column.identity = json.at("identity").get<std::string>();
  return column;
}

Json file_json(const FileFacts& file) {
  return Json{{"name", file.name},
              {"format", format_word(file.format)},
              {"rows", file.rows},
              {"bytes", file.bytes},
              {"sha256", file.sha256},
              {"compressed_bytes", file.compressed_bytes},
              {"compressed_sha256", file.compressed_sha256}};
}

FileFacts file_of(const Json& json) {
  FileFacts file;
  file.name = json.at("name").get<std::string>();
  // It is opened below the archive's own folder, and nowhere else.
  if (file.name.empty() || file.name.starts_with('.') || file.name.find('/') != std::string::npos) {
    throw BadManifest{"its file name '" + file.name + "' leads elsewhere"};
  }
  file.format = format_of(json.at("format").get<std::string>());
  file.rows = json.at("rows").get<std::int64_t>();
  file.bytes = json.at("bytes").get<std::int64_t>();
  file.sha256 = json.at("sha256").get<std::string>();
  file.compressed_bytes = json.at("compressed_bytes").get<std::int64_t>();
  file.compressed_sha256 = json.at("compressed_sha256").get<std::string>();
  return file;
}

Manifest manifest_of(const Json& json) {
  const int format = json.at("format").get<int>();
  if (format != format_version) {
    throw BadManifest{
        fmt::format("its format is {}, this pgcaretaker reads {}", format, format_version)};
  }
  Manifest manifest;
  manifest.written_at = json.at("written_at").get<std::string>();
  manifest.pgcaretaker = json.at("pgcaretaker").get<std::string>();
  manifest.plan_id = json.at("plan_id").get<std::string>();
  const Json& database = json.at("database");
  manifest.database = database.at("name").get<std::string>();
  manifest.host = database.at("host").get<std::string>();
  manifest.server_version = database.at("server_version").get<int>();
  manifest.encoding = database.at("encoding").get<std::string>();
  manifest.parent = optional_name_of(json.at("parent"));
  manifest.table = name_of(json.at("table"));
  manifest.bounds = json.at("bounds").get<std::string>();
  manifest.key_column = json.at("key").at("column").get<std::string>();
  manifest.key_type = json.at("key").at("type").get<std::string>();
  manifest.rows = json.at("rows").get<std::int64_t>();
  std::ranges::transform(json.at("columns"), std::back_inserter(manifest.columns), column_of);
  std::ranges::transform(json.at("files"), std::back_inserter(manifest.files), file_of);
  const Json& fingerprint = json.at("fingerprint");
  manifest.fingerprint = Fingerprint{
      fingerprint.at("oid").get<std::int64_t>(), fingerprint.at("filenode").get<std::int64_t>(),
      fingerprint.at("rows").get<std::int64_t>(), fingerprint.at("versions").get<std::int64_t>()};
  return manifest;
}

}  // namespace

const FileFacts* Manifest::file(FileFormat format) const {
  const auto found = std::ranges::find(files, format, &FileFacts::format);
  return found == files.end() ? nullptr : &*found;
}

std::vector<std::string> Manifest::copied_columns() const {
  std::vector<std::string> names;
  for (const Column& column : columns) {
    if (column.generated.empty()) names.push_back(column.name);
  }
  return names;
}

std::string manifest_text(const Manifest& manifest) {
  Json columns = Json::array();
  std::ranges::transform(manifest.columns, std::back_inserter(columns), column_json);
  Json files = Json::array();
  std::ranges::transform(manifest.files, std::back_inserter(files), file_json);
  const Fingerprint& fingerprint = manifest.fingerprint;
  const Json json{{"format", format_version},
                  {"written_at", manifest.written_at},
                  {"pgcaretaker", manifest.pgcaretaker},
                  {"plan_id", manifest.plan_id},
                  {"database",
                   {{"name", manifest.database},
                    {"host", manifest.host},
                    {"server_version", manifest.server_version},
                    {"encoding", manifest.encoding}}},
                  {"parent", optional_name_json(manifest.parent)},
                  {"table", name_json(manifest.table)},
                  {"bounds", manifest.bounds},
                  {"key", {{"column", manifest.key_column}, {"type", manifest.key_type}}},
                  {"rows", manifest.rows},
                  {"columns", columns},
                  {"files", files},
                  {"fingerprint",
                   {{"oid", fingerprint.oid},
                    {"filenode", fingerprint.filenode},
                    {"rows", fingerprint.rows},
                    {"versions", fingerprint.versions}}}};
  // The server gives names in UTF-8 or not at all, but a socket's path may be anything.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Manifest parse_manifest(std::string_view text) {
  try {
    return manifest_of(Json::parse(text));
  } catch (const Json::exception& error) {
    throw BadManifest{fmt::format("it cannot be read: {}", error.what())};
  }
}

}  // namespace pgcaretaker::archive
