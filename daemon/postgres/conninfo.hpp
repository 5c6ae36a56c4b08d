// SPDX-License-Identifier: Apache-2.0
// From ConnectOptions to what libpq is given: one list of keywords for each host to be tried.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "postgres/connection.hpp"

namespace pgcaretaker::pg {

/// One host of the connection string. libpq would try them in one go, but its non-blocking connect
/// has no time limit per host: a first one that swallows packets would use up the whole deadline.
struct ConnectTarget {
  std::string name;  // "db1:5432", a socket directory, or "" when libpq decides
  std::vector<std::pair<std::string, std::string>> keywords;  // later ones win
};

/// In the order of the connection string; target_session_attrs=prefer-standby asks all for a
/// standby first. Our defaults (keepalives, tcp_user_timeout, application name) give way to what
/// the string says. Reads PG* variables. Throws Error(connection) when the string cannot be parsed.
[[nodiscard]] std::vector<ConnectTarget> connect_targets(const ConnectOptions& options);

}  // namespace pgcaretaker::pg
