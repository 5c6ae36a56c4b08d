// SPDX-License-Identifier: Apache-2.0
// Every path with every status it can have.
#include "http/routes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "board.hpp"

namespace pgcaretaker::http {
namespace {

using namespace std::chrono_literals;

using test::now_of_the_tests;
using test::working_board;

struct Asked {
  task::Board board = working_board();
  std::optional<config::Secret> bearer;
  std::string authorization;
  Now now = now_of_the_tests();

  Response operator()(const std::string& path) const {
    const std::function<std::string()> render = [] { return std::string{"up 1\n"}; };
    Request request;
    request.path = path;
    request.authorization = authorization;
    return route(request, RouteContext{board, now, bearer, render});
  }
};

std::string header(const Response& response, const std::string& name) {
  const auto found = std::find_if(response.headers.begin(), response.headers.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == response.headers.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("health is 200 whatever the board says") {
  Asked ask;
  CHECK(ask("/health").status == 200);
  CHECK(ask("/health").body == "ok\n");
  ask.board.daemon.database_up = false;
  ask.board.daemon.stopping = true;
  CHECK(ask("/health").status == 200);
}

TEST_CASE("ready is 200 with no reasons when nothing is wrong") {
  const auto response = Asked{}("/ready");
  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  CHECK(response.body == "{\"ready\":true,\"reasons\":[]}\n");
}

TEST_CASE("ready is 503 and says why") {
  Asked ask;
  ask.board.daemon.database_up = false;
  ask.board.daemon.database_error = "connection refused \xE4 \"x\"";
  const auto response = ask("/ready");
  CHECK(response.status == 503);
  const auto body = nlohmann::json::parse(response.body);
  CHECK(body["ready"] == false);
  REQUIRE(body["reasons"].size() == 1);
  CHECK(body["reasons"][0].get<std::string>().find("connection refused") != std::string::npos);
}

TEST_CASE("metrics are passed on as Prometheus text") {
  const auto response = Asked{}("/metrics");
  CHECK(response.status == 200);
  CHECK(response.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(response.body == "up 1\n");
}

TEST_CASE("status is JSON and the page is HTML") {
  CHECK(Asked{}("/status").content_type == "application/json");
  CHECK(nlohmann::json::accept(Asked{}("/status").body));
  CHECK(Asked{}("/").content_type == "text/html; charset=utf-8");
  CHECK(Asked{}("/").body.starts_with("<!DOCTYPE html>"));
}

TEST_CASE("an unknown path is 404 and names the known ones") {
  for (const auto* path : {"/x", "/Health", "/health/", "//", "*", "", "/status/../metrics",
                           "/favicon.ico", "/%73tatus"}) {
    CAPTURE(path);
    CHECK(Asked{}(path).status == 404);
  }
  CHECK(Asked{}("/x").body.find("/metrics") != std::string::npos);
}

TEST_CASE("with a bearer, metrics, status and the page want it; health and ready never do") {
  Asked ask;
  ask.bearer = config::Secret{"t0ken"};
  for (const auto* authorization : {"", "Bearer wrong", "Basic t0ken", "Bearer t0ken2"}) {
    ask.authorization = authorization;
    CAPTURE(authorization);
    for (const auto* path : {"/metrics", "/status", "/"}) {
      CAPTURE(path);
      const auto response = ask(path);
      CHECK(response.status == 401);
      CHECK(header(response, "WWW-Authenticate").starts_with("Bearer"));
      CHECK(response.body.find("t0ken") == std::string::npos);
    }
    CHECK(ask("/health").status == 200);
    CHECK(ask("/ready").status == 200);
    CHECK(ask("/nothing").status == 404);
  }
  ask.authorization = "Bearer t0ken";
  for (const auto* path : {"/metrics", "/status", "/"}) {
    CHECK(ask(path).status == 200);
  }
}

TEST_CASE("a task is overdue by the monotonic clock, wherever the calendar's is set") {
  for (const auto step : {-48h, 48h}) {
    CAPTURE(step.count());
    Asked ask;
    ask.now.utc += step;
    CHECK(ask("/ready").status == 200);
    ask.now.steady += 1h;
    CHECK(ask("/ready").status == 503);
    CHECK(ask("/ready").body.find("outbox:public.event_outbox is overdue: no success for 3780 s") !=
          std::string::npos);
  }
}

TEST_CASE("an unauthorized scrape does not render metrics") {
  const std::function<std::string()> render = [] {
    FAIL("rendered");
    return std::string{};
  };
  const auto board = working_board();
  const std::optional bearer{config::Secret{"t0ken"}};
  Request request;
  request.path = "/metrics";
  CHECK(route(request, RouteContext{board, now_of_the_tests(), bearer, render}).status == 401);
}

TEST_CASE("no answer may be stored, and none is taken for another type") {
  for (const auto* path : {"/health", "/ready", "/metrics", "/status", "/", "/x"}) {
    CAPTURE(path);
    CHECK(header(Asked{}(path), "Cache-Control") == "no-store");
    CHECK(header(Asked{}(path), "X-Content-Type-Options") == "nosniff");
  }
}

TEST_CASE("the page may load nothing but its own style and icon") {
  const auto policy = header(Asked{}("/"), "Content-Security-Policy");
  CHECK(policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"));
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(policy.find("script-src") == std::string::npos);
}

}  // namespace pgcaretaker::http
