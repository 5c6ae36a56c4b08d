// SPDX-License-Identifier: Apache-2.0
// What a table that comes back from an archive needs to be like the other partitions.
#pragma once

#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "task/step.hpp"

namespace pgcaretaker::partition {

struct Likeness {
  std::vector<task::Statement> before_attach;  // when the rows are in: triggers would fire
  std::vector<task::Statement> after_attach;   // the last gives a row `value` for each difference
};

/// As a new partition of `settings.table` gets it (settings.created), but for its storage: that of
/// the newest partition is not chosen for old rows. Reads the catalog under a short deadline.
/// Nothing when there is no such table; throws pg::Error otherwise.
Awaitable<Likeness> likeness_of_restored(pg::Connection& connection,
                                         const config::Partition& settings,
                                         const config::TableName& restored);

/// Whether the next pass would take it out again if it were attached with these bounds: it is past
/// its retention, and no hold keeps it. Asks retention_query and hold_query as a pass does.
Awaitable<bool> expires_at_once(pg::Connection& connection, const config::Partition& settings,
                                const config::TableName& restored, const std::string& bounds);

}  // namespace pgcaretaker::partition
