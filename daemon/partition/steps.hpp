// SPDX-License-Identifier: Apache-2.0
// What the builders of steps share. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "partition/bounds.hpp"
#include "partition/journal.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// Statement names that apply and its findings tell apart.
namespace statement {
inline constexpr std::string_view create = "partition.create";
inline constexpr std::string_view liken = "partition.liken";
inline constexpr std::string_view verify_likeness = "partition.verify_likeness";
inline constexpr std::string_view journal = "partition.journal";
inline constexpr std::string_view counted_rows = "partition.counted_rows";
inline constexpr std::string_view attach = "partition.attach";
inline constexpr std::string_view create_function = "partition.create_function";
inline constexpr std::string_view verify_created = "partition.verify_created";
inline constexpr std::string_view lock = "partition.lock";
inline constexpr std::string_view guard = "partition.guard";
inline constexpr std::string_view retention = "partition.retention_query";
inline constexpr std::string_view hold = "partition.hold";
inline constexpr std::string_view detach = "partition.detach";
inline constexpr std::string_view mark = "partition.mark";
inline constexpr std::string_view unmark = "partition.unmark";
inline constexpr std::string_view detach_concurrently = "partition.detach_concurrently";
inline constexpr std::string_view finalize = "partition.finalize";
inline constexpr std::string_view verify_guards = "partition.verify_guards";
inline constexpr std::string_view release = "partition.release";
inline constexpr std::string_view archive_name = "partition.archive_name";
inline constexpr std::string_view limit = "partition.limit";
inline constexpr std::string_view drop = "partition.drop";
inline constexpr std::string_view drop_function = "partition.drop_function";
inline constexpr std::string_view verify_dropped = "partition.verify_dropped";
}  // namespace statement

/// Words of Step::action.
namespace action {
inline constexpr std::string_view create = "create";
inline constexpr std::string_view drop = "drop";
inline constexpr std::string_view detach = "detach";
inline constexpr std::string_view finish = "finish";
inline constexpr std::string_view guard = "guard";
inline constexpr std::string_view archive = "archive";
}  // namespace action

/// What all steps of one plan share.
struct StepContext {
  const config::Partition& settings;
  std::int64_t table_oid;
  Key key;
  std::optional<ObservedPartition> default_partition;
  std::vector<Neighbour> referenced{};
  std::vector<Neighbour> referencing{};
  std::string owner{};  // who new partitions are given to; "" = they are ours as they are made
  Pattern pattern{};
  std::string key_column{};
  std::optional<JournalHead> journal{};  // nullopt = acts are not written down
  bool lacks_journal = false;            // though they have to be
  std::string plan_id{};
};

[[nodiscard]] task::Statement make_statement(std::string_view name, std::string sql,
                                             std::optional<int> expect_rows = {});

[[nodiscard]] task::Statement lock_only(const config::TableName& table);

/// $tag$ body $tag$, with a tag that is not in it.
[[nodiscard]] std::string dollar_quoted(std::string_view body);

/// Adds ", NAME" for each.
void add_names(std::string& lock, const std::vector<Neighbour>& tables);

/// What is looked at before the step asks: the parent, the default, `partition` if there is one,
/// and both ends of foreign keys, whose triggers come and go with a partition.
[[nodiscard]] std::vector<pg::WantedLock> wanted_locks(
    const StepContext& context, pg::LockMode on_parent,
    const ObservedPartition* partition = nullptr);

void append(std::vector<task::Statement>& to, std::vector<task::Statement> from);

/// What a step takes away, as far as the server has counted it.
void set_size(task::Step& step, const ObservedPartition& partition);

/// Where acts are written down: adds the row for this one, about the partition of the condition,
/// see journal_statement().
void write_down(const StepContext& context, task::Step& step, const std::string& condition);

/// What a create step creates, as PostgreSQL writes it: `FROM ('...') TO ('...')`, one after the
/// other; "" for other steps.
[[nodiscard]] std::string planned_bounds(const task::Step& step);

/// A configured query as a FROM item, without the semicolon it may end with.
[[nodiscard]] std::string subquery(std::string_view sql);

}  // namespace pgcaretaker::partition
