// SPDX-License-Identifier: Apache-2.0
// A trigger of the parent, on a table of its own. Pure.
#pragma once

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

}  // namespace pgcaretaker::partition
