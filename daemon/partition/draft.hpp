// SPDX-License-Identifier: Apache-2.0
// Snapshot x settings -> what bounds alone say is missing and expired. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "partition/bounds.hpp"
#include "partition/detached.hpp"
#include "partition/layout.hpp"
#include "partition/retention.hpp"
#include "partition/snapshot.hpp"
#include "task/finding.hpp"

namespace pgcaretaker::partition {

/// A range of the window without a partition, and the name it would get.
struct Missing {
  TimeRange range;
  bool whole = true;  // see Gap
  std::string name;   // in the parent's schema
};

/// Everything the bounds alone say; observe asks the questions that arise from it.
struct Draft {
  std::optional<Key> key;                // nullopt: not a table we can keep; all else is empty then
  std::vector<task::Finding> obstacles;  // why it is not; critical
  std::vector<Member> members;           // see layout()
  TimeRange window{};
  UtcTime covered_until{};       // see covered_until()
  std::vector<Missing> missing;  // oldest first
  std::optional<Retention> retention;
  std::vector<std::size_t> expired;      // indices of members, oldest first
  std::vector<Marked> detached;          // ours, out of the table, oldest first
  std::map<std::int64_t, Marked> marks;  // of members, by OID
  std::vector<Marked> strayed;           // that somebody attached to another table
};

[[nodiscard]] Draft make_draft(const config::Partition& settings, const Snapshot& snapshot);

}  // namespace pgcaretaker::partition
