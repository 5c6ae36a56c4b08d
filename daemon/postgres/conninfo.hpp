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
  std::string host_to_resolve;  // "" = libpq needs no name service for it
};

/// In the order of the connection string; target_session_attrs=prefer-standby asks all for a
/// standby first. Our defaults (keepalives, tcp_user_timeout, application name) give way to what
/// the string says. Reads PG* variables. Throws Error(connection) when the string cannot be parsed.
/// With a service file nothing is for us to resolve: it may name the address too, and only libpq
/// reads it, so libpq looks its names up itself and blocks meanwhile.
[[nodiscard]] std::vector<ConnectTarget> connect_targets(const ConnectOptions& options);

/// `target` once for each address of its host. `host` stays, as TLS and .pgpass go by the name.
[[nodiscard]] std::vector<ConnectTarget> at_addresses(const ConnectTarget& target,
                                                      const std::vector<std::string>& addresses);

}  // namespace pgcaretaker::pg
