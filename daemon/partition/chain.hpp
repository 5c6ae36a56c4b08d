// SPDX-License-Identifier: Apache-2.0
// The acts that take one partition out and drop it, each a transaction of its own. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "partition/marker.hpp"
#include "partition/retention.hpp"
#include "partition/states.hpp"
#include "partition/steps.hpp"

namespace pgcaretaker::partition {

/// A partition, or a table that was one.
struct Retiree {
  ObservedPartition observed;  // as it is called now, with the bounds it has or had
  TimeRange range;
  std::string reason;
  bool drops = false;     // what its marker is to say
  std::string comment{};  // our marker, letter by letter, where it has one already; else ""
  Ties ties{};
};

/// One step for each of `acts`, with the same subject. Each looks once more, under its lock, that
/// everything still is as the step before left it: the partition by OID, name, bounds and parent
/// while it is attached; by OID, name and marker, and attached to nothing, once it is out. What
/// retention_query and hold_query say is asked again where it is detached, released and dropped.
[[nodiscard]] std::vector<task::Step> chain_steps(const StepContext& context,
                                                  const Retiree& retiree,
                                                  const std::optional<Retention>& retention,
                                                  const std::vector<Arrow>& acts);

/// Forces row-level security upon the owner of a detached table again.
[[nodiscard]] task::Step force_step(const StepContext& context, const Retiree& retiree);

/// What a person types to have it back in the table, with the comment it had before ours: a marker
/// would make it ours again when they detach it.
[[nodiscard]] std::string attach_again_sql(const StepContext& context, const Retiree& retiree);

}  // namespace pgcaretaker::partition
