// SPDX-License-Identifier: Apache-2.0
// The comment by which a table that we took out of its parent is known, and nothing else. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/table_name.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// What such a comment begins with.
inline constexpr std::string_view marker_sign = "pgcaretaker: {";

enum class MarkerState {
  marked,    // written before DETACH ... CONCURRENTLY: in the table or out of it, unguarded
  detached,  // written with the guards, when it was out of the table
  archived,  // the same, when its archive was on the disk
};

struct Marker {
  std::int64_t parent = 0;  // OID
  std::string table;        // schema.table of the parent, as it was called then
  std::int64_t oid = 0;     // of the partition: a copied comment marks nothing
  std::string bounds;       // FOR VALUES FROM (...) TO (...)
  bool drops = false;       // false = kept for good
  std::string plan;         // id of the plan that wrote it
  MarkerState state = MarkerState::marked;
  UtcTime since{};                     // by the server's clock
  std::optional<std::string> comment;  // the one the table had before
  std::string archive{};               // FOLDER/ARCHIVE, when archived

  [[nodiscard]] bool is_guarded() const { return state != MarkerState::marked; }
};

/// nullopt for any other comment, and for one that was tampered with.
[[nodiscard]] std::optional<Marker> parse_marker(std::string_view text);

/// All of the comment that is known before it is written: up to `since`.
[[nodiscard]] std::string marker_head(const Marker& marker);

/// The session's setting from which mark_statement() takes the name of the archive.
inline constexpr std::string_view archive_setting = "pgcaretaker.archive";

/// Writes the marker; `since` is the server's clock then. `comment` is kept from the marker that is
/// there when `over_marker`, else it is the whole comment. One that says `archived` is written over
/// a marker, keeps its `since`, and names the archive that archive_setting holds.
[[nodiscard]] task::Statement mark_statement(const Marker& marker, const config::TableName& table,
                                             bool over_marker);

/// Sets archive_setting to its parameter, which is known when there is an archive.
[[nodiscard]] task::Statement archive_name_statement();

/// Gives the table back the comment that it had before, which its marker keeps.
[[nodiscard]] task::Statement unmark_statement(std::int64_t oid, const config::TableName& table);

}  // namespace pgcaretaker::partition
