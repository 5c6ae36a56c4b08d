// SPDX-License-Identifier: Apache-2.0
// Reads libpq's text about a connection that failed. Pure; libpq keeps the SQLSTATE to itself.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::pg {

struct ConnectFailure {
  std::string message;   // one line: what happened at every address that was tried
  std::string sqlstate;  // of the first refusal by a server; "" when none answered
};

/// `text` is PQerrorMessage after a failed connect with verbosity PQERRORS_VERBOSE, in which a
/// server's refusal reads "FATAL:  53300: sorry, ...". Hints and source locations are left out, and
/// every occurrence of `secret` (unless empty).
[[nodiscard]] ConnectFailure read_connect_failure(std::string_view text, std::string_view secret);

}  // namespace pgcaretaker::pg
