// SPDX-License-Identifier: Apache-2.0
// Tables that carry our marker, and how far each has come. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "partition/calendar.hpp"
#include "partition/marker.hpp"
#include "partition/retention.hpp"
#include "partition/snapshot.hpp"

namespace pgcaretaker::partition {

struct Marked {
  ObservedPartition observed;  // with the bounds that its marker tells
  Marker marker;
  std::string comment;     // the marker, letter by letter
  bool is_lifted = false;  // its row-level security, as a killed archiver leaves it
  TimeRange range{};       // empty when the bounds are not readable
};

enum class AttachedTo { nothing, our_table, another_table };

/// Those whose marker names our table and themselves by OID, whatever they are called and wherever
/// they lie; by upper bound, then name.
[[nodiscard]] std::vector<Marked> marked_tables(const Snapshot& snapshot, const Key& key,
                                                AttachedTo parent);

/// Past its retention still.
[[nodiscard]] bool is_expired(const Marked& marked, const std::optional<Retention>& retention);

/// When it may be dropped at the earliest; nullopt = never: its marker or the settings keep it.
[[nodiscard]] std::optional<UtcTime> drop_due(const config::Partition& settings,
                                              const Marked& marked);

[[nodiscard]] bool is_due(const config::Partition& settings, const Marked& marked, UtcTime now);

}  // namespace pgcaretaker::partition
