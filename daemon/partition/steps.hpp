// SPDX-License-Identifier: Apache-2.0
// The SQL of each kind of step, complete as `plan` prints it and apply sends it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "partition/bounds.hpp"
#include "partition/journal.hpp"
#include "partition/layout.hpp"
#include "partition/retention.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// Statement names that apply and its findings tell apart.
namespace statement {
inline constexpr std::string_view create = "partition.create";
inline constexpr std::string_view liken = "partition.liken";
inline constexpr std::string_view verify_likeness = "partition.verify_likeness";
inline constexpr std::string_view journal = "partition.journal";
inline constexpr std::string_view attach = "partition.attach";
inline constexpr std::string_view create_function = "partition.create_function";
inline constexpr std::string_view verify_created = "partition.verify_created";
inline constexpr std::string_view lock = "partition.lock";
inline constexpr std::string_view guard = "partition.guard";
inline constexpr std::string_view retention = "partition.retention_query";
inline constexpr std::string_view hold = "partition.hold";
inline constexpr std::string_view detach = "partition.detach";
inline constexpr std::string_view drop = "partition.drop";
inline constexpr std::string_view drop_function = "partition.drop_function";
inline constexpr std::string_view verify_dropped = "partition.verify_dropped";
}  // namespace statement

/// Words of Step::action.
namespace action {
inline constexpr std::string_view create = "create";
inline constexpr std::string_view drop = "drop";
inline constexpr std::string_view detach = "detach";
}  // namespace action

/// What all steps of one plan share.
struct StepContext {
  const config::Partition& settings;
  std::int64_t table_oid;
  KeyType key;
  std::optional<ObservedPartition> default_partition;
  std::vector<Neighbour> referenced{};
  std::vector<Neighbour> referencing{};
  std::string owner{};  // who new partitions are given to; "" = they are ours as they are made
  Pattern pattern{};
  std::optional<JournalHead> journal{};  // nullopt = acts are not written down
};

struct NewPartition {
  config::TableName name;
  TimeRange range;
};

/// CREATE TABLE (LIKE ... EXCLUDING IDENTITY) and ATTACH: never PARTITION OF, which would lock
/// readers and writers of the whole table out. What LIKE leaves out follows, see likeness.hpp.
/// Without identity, since 17 and later refuse to ATTACH a table that has one. Several `partitions`
/// (at least one) are made ready first and then attached under locks that are waited for only once.
[[nodiscard]] task::Step create_step(const StepContext& context,
                                     const std::vector<NewPartition>& partitions,
                                     std::string reason);

/// create_function with the lower bound, then proof from the catalog that exactly its range is
/// attached.
[[nodiscard]] task::Step create_by_function_step(const StepContext& context,
                                                 const NewPartition& partition, std::string reason);

/// DETACH and, for expire = "drop", DROP, in one transaction behind locks in the order parent,
/// partition, and behind a guard that proves by OID, bounds and parent that this still is what was
/// planned. What retention_query and hold_query say is asked once more there. An attached partition
/// is never dropped directly.
[[nodiscard]] task::Step retire_step(const StepContext& context, const Member& member,
                                     const Retention& retention, std::string reason);

/// drop_function with the partition's name behind the same guard, then proof that it is gone.
[[nodiscard]] task::Step drop_by_function_step(const StepContext& context, const Member& member,
                                               const Retention& retention, std::string reason);

/// What a create step creates, as PostgreSQL writes it: `FROM ('...') TO ('...')`, one after the
/// other; "" for other steps.
[[nodiscard]] std::string planned_bounds(const task::Step& step);

/// A configured query as a FROM item, without the semicolon it may end with.
[[nodiscard]] std::string subquery(std::string_view sql);

/// hold_query as a statement that returns one row if the partition may go. Nothing but a definite
/// false lets go: NULL, no row and any true among several rows hold. $1 and $2 are timestamptz and
/// need not both be used.
[[nodiscard]] task::Statement hold_statement(const std::string& hold_query, const TimeRange& range);

}  // namespace pgcaretaker::partition
