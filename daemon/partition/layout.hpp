// SPDX-License-Identifier: Apache-2.0
// Sorts out what each partition of a table is to us. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "partition/bounds.hpp"
#include "partition/snapshot.hpp"

namespace pgcaretaker::partition {

enum class Standing {
  regular,  // a plain table with finite bounds: ours to keep and to retire
  default_partition,
  foreign,  // left alone from here on
  sub_partitioned,
  unbounded,
  inexact,
  unreadable,
  detach_pending,
};

/// For findings: "foreign tables", "sub-partitioned", ...
[[nodiscard]] std::string_view standing_text(Standing standing);

struct Member {
  ObservedPartition observed;
  Standing standing = Standing::unreadable;
  TimeRange range{};                 // meaningless for default_partition and unreadable; see Bounds
  std::optional<TimeRange> inner{};  // what it surely covers, where that is less
};

/// All partitions by upper bound, then name; the default and unreadable ones last.
[[nodiscard]] std::vector<Member> layout(const std::vector<ObservedPartition>& partitions,
                                         const Key& key = KeyType::timestamptz);

/// What rows can go to, besides the default: everything attached with a readable range, odd or not.
/// A pending detach refuses rows, so it is no cover, although its range is not free either.
[[nodiscard]] std::vector<TimeRange> cover_of(const std::vector<Member>& members);

/// Ranges that a new partition must not touch: cover, pending detaches, and what the key has no
/// values for.
[[nodiscard]] std::vector<TimeRange> taken_by(const std::vector<Member>& members, const Key& key);

}  // namespace pgcaretaker::partition
