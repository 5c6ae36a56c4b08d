// SPDX-License-Identifier: Apache-2.0
// Stopping: idle clients go at once, answers under way may finish, nothing outlives the deadline.
#include <doctest/doctest.h>

#include <list>

#include "raw_client.hpp"
#include "running_server.hpp"

namespace pgcaretaker::test {

using namespace std::chrono_literals;

TEST_CASE("a server without clients stops at once") {
  RunningServer server;
  CHECK(server.stop(20s) < 5s);
}

TEST_CASE("a server that was never started can go") {
  asio::io_context loop;
  const http::Server server{loop.get_executor(), "127.0.0.1:0", http::Limits{}, echo};
  CHECK(server.open_connections() == 0);
}

TEST_CASE("idle clients and half a header do not hold up a stop") {
  RunningServer server;
  std::list<RawClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(server.address());
  }
  clients.front().send("GET / HTTP/1.1\r\nHost:");
  clients.back().send(get_request("/a"));
  REQUIRE(clients.back().answer());
  REQUIRE(server.comes_to(10));
  CHECK(server.stop(20s) < 5s);
  for (auto& client : clients) {
    CHECK(client.is_closed(5s));
  }
  CHECK_THROWS(RawClient{server.address()});
}

TEST_CASE("an answer under way goes out whole while the server stops") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/large"));
  RawClient other{server.address()};
  other.send(get_request("/a"));
  REQUIRE(other.answer());  // so the first one has its answer under way
  server.begin_stop(20s);
  CHECK(other.is_closed(5s));
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body.size() == large_bytes);
  CHECK(client.is_closed(5s));
  CHECK(server.stop(20s) < 5s);
}

TEST_CASE("a client that does not read is cut off at the deadline of the stop") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/large"));
  RawClient other{server.address()};
  other.send(get_request("/a"));
  REQUIRE(other.answer());
  const auto took = server.stop(300ms);
  CHECK(took >= 290ms);
  CHECK(took < 5s);
  CHECK_FALSE(client.answer());
}

TEST_CASE("a stop whose deadline has passed ends at once") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/large"));
  REQUIRE(server.comes_to(1));
  CHECK(server.stop(0ms) < 5s);
}

TEST_CASE("start, serve and stop can be had a hundred times over") {
  for (int i = 0; i < 100; ++i) {
    RunningServer server;
    RawClient client{server.address()};
    client.send(get_request("/a"));
    if (i % 2 == 0) {
      REQUIRE(client.answer());
    }
    CHECK(server.stop(20s) < 5s);
  }
}

}  // namespace pgcaretaker::test
