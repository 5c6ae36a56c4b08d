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

bool has_range(Standing standing, const TimeRange& range) {
  return standing != Standing::default_partition && standing != Standing::unreadable &&
         !range.empty();
}

bool has_range(const Member& member) {
  return has_range(member.standing, member.range);
}

/// What is sorted in place of members, which are many and heavy.
struct Place {
  const ObservedPartition* partition;
  Bounds bounds;
  Standing standing;
  bool is_last;  // nothing in it says where it would stand
};

Place place_of(const ObservedPartition& partition, const Key& key) {
  const Bounds bounds = parse_bounds(partition.bounds, key);
  const Standing standing = standing_of(partition, bounds.form);
  return Place{&partition, bounds, standing, !has_range(standing, bounds.range)};
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
  std::vector<Place> places;
  places.reserve(partitions.size());
  for (const ObservedPartition& partition : partitions) {
    places.push_back(place_of(partition, key));
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.is_last, a.bounds.range.upper, a.partition->name.name) <
           std::tie(b.is_last, b.bounds.range.upper, b.partition->name.name);
  });
  std::vector<Member> members;
  members.reserve(places.size());
  for (const Place& place : places) {
    members.push_back(
        Member{*place.partition, place.standing, place.bounds.range, place.bounds.inner});
  }
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
