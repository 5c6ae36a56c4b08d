// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker archive list`: from the manifests alone.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands/archive_parts.hpp"
#include "app/commands/commands.hpp"

namespace pgcaretaker::app {

namespace {

using Json = nlohmann::ordered_json;
using archive::Stored;

std::int64_t packed_bytes(const archive::Manifest& manifest) {
  std::int64_t bytes = 0;
  for (const auto& file : manifest.files) {
    bytes += file.compressed_bytes;
  }
  return bytes;
}

Json json_of(const Stored& stored) {
  Json json{{"name", stored.name}, {"path", stored.folder}, {"problem", stored.problem}};
  if (stored.manifest) {
    json["manifest"] = Json::parse(archive::manifest_text(*stored.manifest));
  }
  return json;
}

void print_line(const Stored& stored) {
  if (!stored.manifest) {
    fmt::print("{}: {}\n", stored.name, stored.problem);
    return;
  }
  const archive::Manifest& manifest = *stored.manifest;
  fmt::print("{}: {} rows, {}, written {}, {}\n", stored.name, manifest.rows,
             size_text(packed_bytes(manifest)), manifest.written_at,
             manifest.parent ? "partition of " + manifest.parent->text()
                             : "table " + manifest.table.text());
}

}  // namespace

ExitCode archive_list(const CommandLine& line, const Configuration& configuration) {
  ExitCode code = ExitCode::ok;
  const auto all = stored_archives(configuration, code);
  if (!all) return code;
  if (line.json) {
    Json json{{"archives", Json::array()}};
    for (const Stored& stored : *all) {
      json["archives"].push_back(json_of(stored));
    }
    fmt::print("{}\n", json.dump(2));
    return code;
  }
  for (const Stored& stored : *all) {
    print_line(stored);
  }
  return code;
}

}  // namespace pgcaretaker::app
