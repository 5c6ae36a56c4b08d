// SPDX-License-Identifier: Apache-2.0
// Where to listen, and what a request line names.
#include "http/endpoint.hpp"

#include <doctest/doctest.h>

#include <array>

#include "http/target.hpp"

namespace pgcaretaker::http {

TEST_CASE("every spelling of an endpoint is read and written back as it was") {
  for (const auto* text : {"127.0.0.1:9791", "localhost:0", "db-1.internal:65535", "[::]:9791",
                           "[fe80::1%eth0]:80", "unix:/run/pgcaretaker/http.sock", "unix:/a:b"}) {
    CAPTURE(text);
    const auto endpoint = parse_endpoint(text);
    REQUIRE(endpoint);
    CHECK(endpoint->text() == text);
  }
}

TEST_CASE("an endpoint is taken apart") {
  const auto tcp = *parse_endpoint("[::1]:9791");
  CHECK_FALSE(tcp.is_unix());
  CHECK(tcp.host == "::1");
  CHECK(tcp.port == "9791");
  const auto file = *parse_endpoint("unix:/run/x.sock");
  CHECK(file.is_unix());
  CHECK(file.path == "/run/x.sock");
}

TEST_CASE("what is not an endpoint is refused") {
  for (const auto* text : {"",
                           ":",
                           ":9791",
                           "9791",
                           "localhost",
                           "localhost:",
                           "localhost:http",
                           "localhost:65536",
                           "localhost:-1",
                           "localhost:80 ",
                           "::1:9791",
                           "[]:80",
                           "[localhost]:80",
                           "[::1]",
                           "[::1:80",
                           "a b:80",
                           "http://localhost:80",
                           "user@host:80",
                           "unix:",
                           "unix:relative.sock"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_endpoint(text));
  }
}

TEST_CASE("the path of a request target is found in every form") {
  constexpr std::array<std::array<const char*, 2>, 11> cases{
      {{"/status", "/status"},
       {"/status?verbose=1", "/status"},
       {"/?x", "/"},
       {"/a//b", "/a//b"},
       {"http://host/ready", "/ready"},
       {"http://host:80/ready?x=/y", "/ready"},
       {"https://host", "/"},
       {"http://host?x=/status", "/"},
       {"/go?to=http://host/x", "/go"},
       {"*", "*"},
       {"", "/"}}};
  for (const auto& entry : cases) {
    CAPTURE(entry[0]);
    CHECK(path_of_target(entry[0]) == entry[1]);
  }
}

}  // namespace pgcaretaker::http
