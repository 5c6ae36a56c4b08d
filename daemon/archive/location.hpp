// SPDX-License-Identifier: Apache-2.0
// Where an archive lies below the configured directory. Names decide nothing: manifests do. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/table_name.hpp"

namespace pgcaretaker::archive {

/// What is being written begins like this; whatever does is no archive.
inline constexpr std::string_view partial_prefix = ".partial-";

/// One component of a path: `/`, `%`, control characters and a leading dot become %XX.
[[nodiscard]] std::string path_component(std::string_view text);

/// The folder of all archives of a table: public.audit_events.
[[nodiscard]] std::string folder_of(const config::TableName& table);

/// The name of an archive in it: audit_events_y2024m01.2024-01-01_2024-02-01; without range bounds
/// only the table's name. `number` above 1 is for one that has others before it: ... .2
[[nodiscard]] std::string archive_name(const config::TableName& table, std::string_view bounds,
                                       int number);

/// The two ends in `FOR VALUES FROM ('...') TO ('...')` as they appear in names: midnights are
/// dates. nullopt when it is something else.
struct Ends {
  std::string lower;
  std::string upper;
  bool operator==(const Ends&) const = default;
};
[[nodiscard]] std::optional<Ends> ends_of(std::string_view bounds);

}  // namespace pgcaretaker::archive
