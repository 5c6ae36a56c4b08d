// SPDX-License-Identifier: Apache-2.0
// What a well-behaved client of any age may expect of the server.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "raw_client.hpp"
#include "running_server.hpp"

namespace pgcaretaker::test {

using namespace std::chrono_literals;

TEST_CASE("a connection serves one request after another") {
  RunningServer server;
  RawClient client{server.address()};
  for (const auto* path : {"/a", "/b", "/c"}) {
    REQUIRE(client.send(get_request(path)));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == path);
    CHECK(answer->header.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer->field("Content-Type") == "text/plain; charset=utf-8");
  }
  CHECK(server.open_connections() == 1);
}

TEST_CASE("Connection: close is honoured and said back") {
  RunningServer server;
  RawClient client{server.address()};
  client.send("GET /a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->field("Connection") == "close");
  CHECK(client.is_closed(5s));
}

TEST_CASE("HTTP/1.0 gets its answer and the end of the connection") {
  RunningServer server;
  RawClient client{server.address()};
  client.send("GET /old HTTP/1.0\r\n\r\n");
  const auto text = client.rest();
  REQUIRE(text);
  CHECK(text->starts_with("HTTP/1.0 200 OK\r\n"));
  CHECK(text->ends_with("\r\n\r\n/old"));
}

TEST_CASE("HTTP/1.0 may ask to stay") {
  RunningServer server;
  RawClient client{server.address()};
  for (int i = 0; i < 2; ++i) {
    client.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->body == "/old");
  }
}

TEST_CASE("HEAD has the length of the body and no body") {
  RunningServer server;
  RawClient client{server.address()};
  client.send("HEAD /twelve-bytes HTTP/1.1\r\nHost: test\r\n\r\n");
  const auto answer = client.answer(true);
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->field("Content-Length") == "13");
  // Were there a body, the next answer would begin with it.
  client.send(get_request("/next"));
  const auto next = client.answer();
  REQUIRE(next);
  CHECK(next->header.starts_with("HTTP/1.1 200"));
  CHECK(next->body == "/next");
}

TEST_CASE("a target in absolute form and a query string name the same path") {
  RunningServer server;
  RawClient client{server.address()};
  client.send("GET http://test:80/status?verbose HTTP/1.1\r\nHost: test\r\n\r\n");
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body == "/status");
}

TEST_CASE("the authorization reaches the handler as it was sent") {
  RunningServer server;
  RawClient client{server.address()};
  client.send("GET /a HTTP/1.1\r\nhost: test\r\nauthorization: Bearer t0ken=\r\n\r\n");
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body == "/a Bearer t0ken=");
}

TEST_CASE("any other method is 405, says what is allowed, and never reaches the handler") {
  RunningServer server{http::Limits{}, [](const http::Request&) -> http::Response {
                         throw std::logic_error{"called"};
                       }};
  for (const auto* method :
       {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "BREW"}) {
    CAPTURE(method);
    RawClient client{server.address()};
    client.send(fmt::format("{} /status HTTP/1.1\r\nHost: test\r\n\r\n", method));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 405);
    CHECK(answer->field("Allow") == "GET, HEAD");
  }
}

TEST_CASE("a body is not read: the request is answered and the connection ends") {
  RunningServer server;
  for (const auto* request : {"GET /a HTTP/1.1\r\nHost: test\r\nContent-Length: 32\r\n\r\nGET /b "
                              "HTTP/1.1\r\nHost: x\r\n\r\n ",
                              "GET /a HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: "
                              "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    CAPTURE(request);
    RawClient client{server.address()};
    client.send(request);
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "/a");
    CHECK(answer->field("Connection") == "close");
    CHECK(client.rest() == "");
  }
}

TEST_CASE("a client that sends a large body still gets to read the answer") {
  RunningServer server;
  RawClient client{server.address()};
  client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2000000\r\n\r\n");
  CHECK(client.send(std::string(2000000, 'x')));
  client.end_sending();
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->status == 405);
  CHECK(client.rest() == "");  // not a reset, which elsewhere would have cost the answer
}

TEST_CASE("an HTTP/1.1 request without a host, or with two, is refused") {
  RunningServer server;
  for (const auto* hosts : {"", "Host: a\r\nHost: b\r\n"}) {
    CAPTURE(hosts);
    RawClient client{server.address()};
    client.send(fmt::format("GET / HTTP/1.1\r\n{}\r\n", hosts));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(client.is_closed(5s));
  }
}

TEST_CASE("an exception of the handler is 500 without its text, and the next request is served") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/throw"));
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->status == 500);
  CHECK(answer->body.find("thrown") == std::string::npos);
  client.send(get_request("/after"));
  CHECK(client.answer()->body == "/after");
}

TEST_CASE("a large answer arrives whole") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/large"));
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body.size() == large_bytes);
}

TEST_CASE("the server listens on IPv6") {
  try {
    RunningServer server{http::Limits{}, echo, "[::1]:0"};
    CHECK(server.address().starts_with("[::1]:"));
    RawClient client{server.address()};
    client.send(get_request("/six"));
    CHECK(client.answer()->body == "/six");
  } catch (const std::runtime_error& error) {
    // A machine without IPv6 cannot show it; it must say so in the usual way.
    CHECK(std::string{error.what()}.starts_with("cannot listen on [::1]:0: "));
    MESSAGE("no IPv6 here: " << error.what());
  }
}

}  // namespace pgcaretaker::test
