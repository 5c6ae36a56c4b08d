// SPDX-License-Identifier: Apache-2.0
// The row that tells of an act, in the act's own transaction. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/table_name.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// What is the same in all rows of one plan.
struct JournalHead {
  config::TableName table;
  std::string host;
  std::string plan_id;
  std::string task;
  bool required = false;  // else a row that cannot be written keeps no act from being done
};

/// Before the row of a step that counts its rows: that row tells this number, `params` of the
/// statement, which is known when the step is under way. Other rows tell what the catalog says.
[[nodiscard]] task::Statement counted_rows_statement();

/// INSERT of one row about the one partition for which `condition` is true, an expression of c, its
/// row of pg_class, and i, its row of pg_inherits: to be sent while it is attached and locked.
[[nodiscard]] task::Statement journal_statement(const JournalHead& head, std::string_view action,
                                                std::string_view condition,
                                                std::string_view reason);

/// The same about a table that is out of its parent, whose catalog entry has no bounds any more.
[[nodiscard]] task::Statement journal_of_table(const JournalHead& head, std::string_view action,
                                               std::int64_t table, std::string_view bounds,
                                               std::string_view reason);

}  // namespace pgcaretaker::partition
