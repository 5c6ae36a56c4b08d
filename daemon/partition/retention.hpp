// SPDX-License-Identifier: Apache-2.0
// Which partitions are past their time. Pure; decides by upper bounds, never by names.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "partition/layout.hpp"
#include "task/finding.hpp"

namespace pgcaretaker::partition {

struct Retention {
  Duration keep{0};  // in effect: the configured ceiling, or less when retention_query says so
  bool shortened = false;
  UtcTime cutoff;  // a partition whose upper bound is at or before this is expired
};

/// nullopt = kept for ever. An answer of less than a day or with an error does not count.
[[nodiscard]] std::optional<Retention> retention_in_effect(const config::Partition& settings,
                                                           const RetentionAnswer& answer,
                                                           UtcTime now);

/// A member that retention names: regular and wholly before the cutoff. The current and future
/// partitions never are, since their upper bound lies after now.
[[nodiscard]] bool is_expired(const Member& member, const std::optional<Retention>& retention);

/// Why settings or answers keep retention from acting or from taking effect, as findings.
[[nodiscard]] std::vector<task::Finding> retention_findings(const config::Partition& settings,
                                                            const RetentionAnswer& answer);

[[nodiscard]] bool can_retire(const config::Partition& settings);

/// It could, but max_drops = 0 keeps everything for now.
[[nodiscard]] bool is_paused(const config::Partition& settings);

/// Nothing of an expired partition stays in the database in the end.
[[nodiscard]] bool drops(const config::Partition& settings);

/// It is archived before it is dropped.
[[nodiscard]] bool archives(const config::Partition& settings);

[[nodiscard]] bool drops_by_function(const config::Partition& settings);

}  // namespace pgcaretaker::partition
