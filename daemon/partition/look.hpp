// SPDX-License-Identifier: Apache-2.0
// A bounded look at user tables: read only, short timeouts, and a refusal is a value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "config/settings.hpp"
#include "partition/snapshot.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::partition {

// A look that takes longer is not worth its load: it comes again with the next pass.
inline constexpr Duration longest_look = std::chrono::seconds{2};

struct Look {
  std::vector<std::optional<std::string>> rows;  // first column of each row
  std::string error;                             // why there is no answer; "" = there is one
  bool forbidden = false;  // the role lacks a privilege, or row-level security would filter
};

/// Runs one query in a read-only transaction of its own under settings.lock_timeout and
/// longest_look. Throws pg::Error only when the connection is lost or not in order.
Awaitable<Look> look_at(pg::Connection& connection, const config::Partition& settings,
                        std::string name, std::string sql, pg::Params params);

/// A retention in days; NULL is no answer, what is no whole number an error.
[[nodiscard]] RetentionAnswer read_days(const std::optional<std::string>& value);

}  // namespace pgcaretaker::partition
