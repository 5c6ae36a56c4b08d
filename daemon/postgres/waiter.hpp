// SPDX-License-Identifier: Apache-2.0
// Who waits for a lock that a session of ours holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

/// For what somebody waits: a table that is locked, or a row of it that an open transaction has
/// changed.
enum class Waiting { for_table, for_row };
using Waitings = std::vector<Waiting>;

struct Waiter {
  int pid = 0;
  std::string user;
  std::string application;
  std::string query;  // on one line, cut at 120 characters; may hold values
};

/// One that waits for session `pid` in one of these ways, or behind such a one; nullopt = nobody
/// does. Asked of another session, takes no lock on any table. Throws Error.
Awaitable<std::optional<Waiter>> waiter_for(Connection& second, int pid, const Waitings& watched);

/// "pid 4711 (user app, application psql)".
[[nodiscard]] std::string waiter_text(const Waiter& waiter);

}  // namespace pgcaretaker::pg
