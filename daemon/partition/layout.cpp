// SPDX-License-Identifier: Apache-2.0
// Standing of each partition, from its kind and bounds.
#include "partition/layout.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "partition/window.hpp"

namespace pgcaretaker::partition {

namespace {

Standing standing_of(const ObservedPartition& partition, BoundsForm form) {
  if (partition.detach_pending) return Standing::detach_pending;
  if (form == BoundsForm::default_partition) return Standing::default_partition;
  if (form == BoundsForm::unreadable) return Standing::unreadable;
  if (partition.kind == 'f') return Standing::foreign;
  if (partition.kind == 'p') return Standing::sub_partitioned;
  if (form == BoundsForm::inexact) return Standing::inexact;
  return form == BoundsForm::unbounded ? Standing::unbounded : Standing::regular;
}

bool has_range(const Member& member) {
  return member.standing != Standing::default_partition &&
         member.standing != Standing::unreadable && !member.range.empty();
}

/// Where two of them share a bound between two instants, nothing is lost there.
void join_neighbours(std::vector<Member>& members) {
  for (std::size_t i = 1; i < members.size(); ++i) {
    Member& earlier = members[i - 1];
    Member& later = members[i];
    if (!earlier.inner || !later.inner) continue;
    if (touches(earlier.observed.bounds, later.observed.bounds)) {
      earlier.inner->upper = earlier.range.upper;
    }
  }
}

}  // namespace

std::string_view standing_text(Standing standing) {
  static constexpr std::array<std::string_view, 8> texts{"regular",
                                                         "the default",
                                                         "foreign",
                                                         "sub-partitioned",
                                                         "without two finite bounds",
                                                         "bounded by values of no instant",
                                                         "not readable as a time range",
                                                         "half detached"};
  return texts.at(static_cast<std::size_t>(standing));
}

std::vector<Member> layout(const std::vector<ObservedPartition>& partitions, const Key& key) {
  std::vector<Member> members;
  members.reserve(partitions.size());
  for (const ObservedPartition& partition : partitions) {
    const Bounds bounds = parse_bounds(partition.bounds, key);
    members.push_back(
        Member{partition, standing_of(partition, bounds.form), bounds.range, bounds.inner});
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    return std::tuple{!has_range(a), a.range.upper, a.observed.name.name} <
           std::tuple{!has_range(b), b.range.upper, b.observed.name.name};
  });
  join_neighbours(members);
  return members;
}

std::vector<TimeRange> cover_of(const std::vector<Member>& members) {
  std::vector<TimeRange> ranges;
  for (const Member& member : members) {
    const TimeRange range = member.inner.value_or(member.range);
    if (has_range(member) && member.standing != Standing::detach_pending && !range.empty()) {
      ranges.push_back(range);
    }
  }
  return merged(std::move(ranges));
}

std::vector<TimeRange> taken_by(const std::vector<Member>& members, const Key& key) {
  const TimeRange span = span_of(key);
  std::vector<TimeRange> ranges{{UtcTime::min(), span.lower}, {span.upper, UtcTime::max()}};
  for (const Member& member : members) {
    if (has_range(member)) ranges.push_back(member.range);
  }
  return merged(std::move(ranges));
}

}  // namespace pgcaretaker::partition
