// SPDX-License-Identifier: Apache-2.0
// A manifest with something of everything.
#pragma once

#include "archive/manifest.hpp"

namespace pgcaretaker::test {

inline archive::Manifest manifest_of_events() {
  using archive::Column;
  archive::Manifest manifest;
  manifest.written_at = "2026-11-26T14:00:00Z";
  manifest.pgcaretaker = "0.1.0";
  manifest.plan_id = "5f0c";
  manifest.database = "shop";
  manifest.host = "db1:5432";
  manifest.server_version = 150020;
  manifest.encoding = "UTF8";
  manifest.parent = config::TableName{"audit", "events"};
  manifest.table = {"audit", "events_y2024m01"};
  manifest.bounds = "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')";
  manifest.key_column = "at";
  manifest.key_type = "timestamp with time zone";
  manifest.rows = 12;
  Column id{"id", "bigint"};
  id.not_null = true;
  id.identity = "always";
  Column at{"at", "timestamp with time zone"};
  at.not_null = true;
  Column note{"no\"te", "text"};
  note.collation = config::TableName{"pg_catalog", "C"};
  Column length{"length", "integer"};
  length.generated = "stored";
  length.expression = "length(\"no\"\"te\")";
  manifest.columns = {id, at, note, length};
  manifest.files = {{"data.bin.zst", archive::FileFormat::binary, 12, 900, "aa", 300, "bb"},
                    {"data.csv.zst", archive::FileFormat::csv, 12, 800, "cc", 200, "dd"}};
  manifest.fingerprint = {16400, 16401, 12, -8123456789012345678};
  return manifest;
}

}  // namespace pgcaretaker::test
