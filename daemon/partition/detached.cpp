// SPDX-License-Identifier: Apache-2.0
// Reading markers.
#include "partition/detached.hpp"

#include <algorithm>
#include <tuple>

#include "partition/bounds.hpp"

namespace pgcaretaker::partition {

namespace {

AttachedTo parent_of(const CommentedTable& commented, const Snapshot& snapshot) {
  if (commented.attached_to == 0) return AttachedTo::nothing;
  return commented.attached_to == snapshot.table.oid ? AttachedTo::our_table
                                                     : AttachedTo::another_table;
}

}  // namespace

std::vector<Marked> marked_tables(const Snapshot& snapshot, const Key& key, AttachedTo parent) {
  std::vector<Marked> result;
  for (const CommentedTable& commented : snapshot.commented) {
    if (parent_of(commented, snapshot) != parent || commented.table.kind != 'r') continue;
    auto marker = parse_marker(commented.comment);
    const bool is_ours =
        marker && marker->parent == snapshot.table.oid && marker->oid == commented.table.oid;
    if (!is_ours) continue;
    Marked marked{commented.table, std::move(*marker), commented.comment, commented.is_lifted};
    marked.observed.bounds = marked.marker.bounds;
    const Bounds bounds = parse_bounds(marked.marker.bounds, key);
    if (bounds.form == BoundsForm::range) marked.range = bounds.range;
    result.push_back(std::move(marked));
  }
  std::ranges::sort(result, [](const Marked& a, const Marked& b) {
    return std::tuple{a.range.upper, a.observed.name.name} <
           std::tuple{b.range.upper, b.observed.name.name};
  });
  return result;
}

bool is_expired(const Marked& marked, const std::optional<Retention>& retention) {
  return retention && !marked.range.empty() && marked.range.upper <= retention->cutoff;
}

std::optional<UtcTime> drop_due(const config::Partition& settings, const Marked& marked) {
  if (!marked.marker.drops || !drops(settings)) return std::nullopt;
  return marked.marker.since + std::max(settings.grace, Duration{0});
}

bool is_due(const config::Partition& settings, const Marked& marked, UtcTime now) {
  const auto due = drop_due(settings, marked);
  return due && (settings.grace <= Duration{0} || *due <= now);
}

}  // namespace pgcaretaker::partition
