// SPDX-License-Identifier: Apache-2.0
// The server's client sessions and their limits as observed: plain data, no opinion.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/time.hpp"

namespace pgcaretaker::saturation {

/// The states of pg_stat_activity that matter; `other` is fastpath, disabled and starting.
inline constexpr std::array<std::string_view, 5> session_states{
    "active", "idle", "idle_in_transaction", "idle_in_transaction_aborted", "other"};
using StateCounts = std::array<int, session_states.size()>;

struct OldestTransaction {
  double seconds = 0;
  int pid = 0;
  std::string user;
  std::string application;
  bool operator==(const OldestTransaction&) const = default;
};

/// Client sessions that look the same from outside.
struct SessionGroup {
  std::string user;
  std::string database;
  std::string application;
  StateCounts states{};
  int waiting = 0;  // for a lock
  std::optional<OldestTransaction> oldest;
  bool operator==(const SessionGroup&) const = default;
};

struct Snapshot {
  UtcTime as_of;
  std::string role;  // whose eyes these are
  bool sees_all_sessions =
      false;  // false: no pg_monitor, `groups` is empty and nothing can be counted
  int max_connections = 0;
  int superuser_reserved = 0;
  int reserved = 0;                            // reserved_connections, 16 and later
  std::map<std::string, int> role_limits;      // CONNECTION LIMIT of roles that have one
  std::map<std::string, int> database_limits;  // the same of databases
  std::vector<SessionGroup> groups;
};

}  // namespace pgcaretaker::saturation
