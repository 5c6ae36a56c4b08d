// SPDX-License-Identifier: Apache-2.0
// One GET to a running daemon, for `pgcaretaker status` and container health checks.
#pragma once

#include <optional>
#include <string>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "config/secret.hpp"

namespace pgcaretaker::http {

struct Answer {
  int status = 0;
  std::string body;
};

/// `url`: http://host:port, http://[v6]:port or unix:/path; path is appended. Throws
/// std::runtime_error with one line (unreachable, not HTTP, too long, too late). A look-up of a
/// name under way is not cut short by the deadline; an address needs none.
Awaitable<Answer> get(std::string url, std::string path, std::optional<config::Secret> bearer,
                      SteadyTime deadline);

}  // namespace pgcaretaker::http
