// SPDX-License-Identifier: Apache-2.0
// Snapshot x settings -> what is missing, what is expired, and the steps to mend it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "partition/bounds.hpp"
#include "partition/layout.hpp"
#include "partition/retention.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// A range of the window without a partition, and the name it would get.
struct Missing {
  TimeRange range;
  bool whole = true;  // see Gap
  std::string name;   // in the parent's schema
};

/// Everything the bounds alone say; observe asks the questions that arise from it.
struct Draft {
  std::optional<KeyType> key;   // nullopt: not a table we can keep; all else is empty then
  std::vector<Member> members;  // see layout()
  TimeRange window{};
  UtcTime covered_until{};       // see covered_until()
  std::vector<Missing> missing;  // oldest first
  std::optional<Retention> retention;
  std::vector<std::size_t> expired;  // indices of members, oldest first
};

[[nodiscard]] Draft make_draft(const config::Partition& settings, const Snapshot& snapshot);

/// Steps (creation first, then retirement, each oldest first), findings, gauges and details.
[[nodiscard]] task::Plan make_plan(const config::Partition& settings,
                                   const config::Journal& journal, const Snapshot& snapshot,
                                   const Draft& draft, const Answers& answers);

/// Whether hold_query keeps this partition; a partition nobody asked about is kept.
[[nodiscard]] bool is_held(const config::Partition& settings, const Answers& answers,
                           const Member& member);

}  // namespace pgcaretaker::partition
