// SPDX-License-Identifier: Apache-2.0
// Board and request to response. Pure: no clock, no socket.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/time.hpp"
#include "config/secret.hpp"
#include "http/message.hpp"
#include "task/board.hpp"

namespace pgcaretaker::http {

/// One instant: the calendar's is shown, the monotonic one says what is overdue.
struct Now {
  UtcTime utc;
  SteadyTime steady;
};

struct RouteContext {
  const task::Board& board;
  Now now;
  const std::optional<config::Secret>& bearer;  // nullopt = /metrics and /status are open
  const std::function<std::string()>& render_metrics;
};

/// /health /ready /metrics /status and / as docs say; 401 for a wrong bearer, 404 for any other
/// path.
[[nodiscard]] Response route(const Request& request, const RouteContext& context);

/// The body of /status; docs/operations.md describes its fields.
[[nodiscard]] std::string status_json(const task::Board& board, Now now);

/// The page for a person.
[[nodiscard]] std::string page_html(const task::Board& board, Now now);

}  // namespace pgcaretaker::http
