// SPDX-License-Identifier: Apache-2.0
// The statements that make a new partition like its parent, and the one that proves it. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// What follows `CREATE TABLE name (LIKE ...)`: storage options and tablespace; "" for none.
[[nodiscard]] std::string storage_clause(const config::NewPartitions& wanted,
                                         const Pattern& pattern);

/// CREATE TABLE name (LIKE parent ...) with that behind it.
[[nodiscard]] task::Statement create_like(const config::Partition& settings, const Pattern& pattern,
                                          const config::TableName& name);

/// Between CREATE and ATTACH: columns' statistics targets, replica identity, statement triggers, no
/// grants, and last the owner, since it may be another than we.
[[nodiscard]] std::vector<task::Statement> liken(const config::Partition& settings,
                                                 const Pattern& pattern, const std::string& owner,
                                                 const config::TableName& partition);

/// After ATTACH: a replica identity that is an index, whose counterpart has a name by then;
/// row-level security, because ATTACH looks through the parent's foreign keys with a query, which
/// is refused where policies would filter it; last the proof, a row `value` for each difference
/// that is left.
[[nodiscard]] std::vector<task::Statement> likeness_of_attached(const config::Partition& settings,
                                                                const Pattern& pattern,
                                                                std::int64_t parent,
                                                                const config::TableName& partition);

}  // namespace pgcaretaker::partition
