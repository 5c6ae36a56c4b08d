// SPDX-License-Identifier: Apache-2.0
// Sends rows of the journal that may fail without their act.
#pragma once

#include <cstddef>
#include <vector>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

/// Sends the statements of `step` from its `first` on that may fail, inside the open transaction,
/// whose settings are afterwards as they were; returns how many. All of them stand, or none does
/// and a finding says why: the act goes on either way. Throws pg::Error when the session is lost.
Awaitable<std::size_t> write_if_possible(pg::Connection& connection, const task::Step& step,
                                         std::size_t first, std::vector<task::Finding>& findings);

}  // namespace pgcaretaker::partition
