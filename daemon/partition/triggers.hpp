// SPDX-License-Identifier: Apache-2.0
// A trigger of the parent, on a table of its own. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/table_name.hpp"
#include "partition/snapshot.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// Creates the trigger on `table` as the parent has it, enabled in the same way. `instead` takes
/// the place of one with the same name. Empty when its definition could not be understood: the
/// proof of the step says that it is missing.
[[nodiscard]] std::vector<task::Statement> trigger_statements(const Pattern::Trigger& trigger,
                                                              const config::TableName& table,
                                                              bool instead = false);

/// A condition in SQL: pg_trigger `t` fires when a row of its table is deleted, and a person made
/// it or the one of the parent that it copies (up to PostgreSQL 14 a copy is internal, as the
/// triggers of foreign keys are).
inline constexpr std::string_view fires_on_delete =
    "t.tgtype & 8 <> 0 AND t.tgenabled IN ('O', 'A')\n"
    "  AND (NOT t.tgisinternal OR EXISTS (\n"
    "         SELECT FROM pg_catalog.pg_trigger AS p\n"
    "          WHERE p.oid = t.tgparentid AND NOT p.tgisinternal))";

/// A condition in SQL: pg_class `c` lacks a trigger of pg_class `p`, or has another under its name.
/// `which` further restricts pg_trigger `a`, of p; "" = all.
[[nodiscard]] std::string lacks_trigger(std::string_view which);

}  // namespace pgcaretaker::partition
