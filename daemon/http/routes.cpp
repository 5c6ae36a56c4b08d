// SPDX-License-Identifier: Apache-2.0
// Board and request to response.
#include "http/routes.hpp"

#include <nlohmann/json.hpp>

#include "http/bearer.hpp"

namespace pgcaretaker::http {
namespace {

constexpr const char* json_type = "application/json";

// The page brings its own style and icon and can do nothing else: no script, no foreign host, no
// form.
constexpr const char* page_policy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

Response answer(int status, std::string content_type, std::string body) {
  Response response;
  response.status = status;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

Response ready(const task::Board& board, SteadyTime now) {
  const auto reasons = board.not_ready_reasons(now);
  nlohmann::ordered_json body;
  body["ready"] = reasons.empty();
  body["reasons"] = reasons;
  return answer(reasons.empty() ? 200 : 503, json_type,
                body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

Response page(const task::Board& board, Now now) {
  auto response = answer(200, "text/html; charset=utf-8", page_html(board, now));
  response.headers.emplace_back("Content-Security-Policy", page_policy);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  return response;
}

Response unauthorized() {
  auto response = plain(401,
                        "unauthorized: send \"Authorization: Bearer ...\" with the bearer of "
                        "http.metrics_bearer_file");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"pgcaretaker\"");
  return response;
}

Response choose(const Request& request, const RouteContext& context) {
  if (request.path == "/health") {
    return plain(200, "ok");
  }
  if (request.path == "/ready") {
    return ready(context.board, context.now.steady);
  }
  const bool is_page = request.path == "/";
  const bool is_metrics = request.path == "/metrics";
  if (!is_page && !is_metrics && request.path != "/status") {
    return plain(404, "not found: there are /, /health, /ready, /metrics and /status");
  }
  if (context.bearer && !bearer_matches(request.authorization, *context.bearer)) {
    return unauthorized();
  }
  if (is_page) {
    return page(context.board, context.now);
  }
  if (is_metrics) {
    return answer(200, "text/plain; version=0.0.4; charset=utf-8", context.render_metrics());
  }
  return answer(200, json_type, status_json(context.board, context.now));
}

}  // namespace

Response route(const Request& request, const RouteContext& context) {
  auto response = choose(request, context);
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace pgcaretaker::http
