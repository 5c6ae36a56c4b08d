// SPDX-License-Identifier: Apache-2.0
// Who waits for a lock that a session of ours holds.
#pragma once

#include <optional>
#include <string>

#include "async/awaitable.hpp"
#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

struct Waiter {
  int pid = 0;
  std::string user;
  std::string application;
  std::string query;  // on one line, cut at 120 characters; may hold values
};

/// One that waits for a lock on a table which session `pid` holds, or behind such a one; nullopt =
/// nobody does. Asked of another session, takes no lock on any table. Throws Error.
Awaitable<std::optional<Waiter>> waiter_for(Connection& second, int pid);

/// "pid 4711 (user app, application psql)".
[[nodiscard]] std::string waiter_text(const Waiter& waiter);

}  // namespace pgcaretaker::pg
