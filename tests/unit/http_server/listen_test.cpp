// SPDX-License-Identifier: Apache-2.0
// Where the server listens: ports, socket files, and what stands in the way of them.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "http/listener.hpp"
#include "raw_client.hpp"
#include "running_server.hpp"
#include "support/process.hpp"

namespace pgcaretaker::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// What the server says when it cannot listen; "" when it can.
std::string refusal(const std::string& listen) {
  try {
    asio::io_context loop;
    const http::Server server{loop.get_executor(), listen, http::Limits{}, echo};
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

/// True when `listen` is refused because somebody else listens there, and for no other reason.
bool is_in_use(const std::string& listen) {
  try {
    asio::io_context loop;
    const http::Server server{loop.get_executor(), listen, http::Limits{}, echo};
    return false;
  } catch (const http::AddressInUse&) {
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

mode_t mode_of(const std::string& file) {
  struct stat info {};
  REQUIRE(::lstat(file.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

}  // namespace

TEST_CASE("port 0 becomes a real port in the address") {
  RunningServer server;
  CHECK(server.address().starts_with("127.0.0.1:"));
  CHECK(server.address() != "127.0.0.1:0");
}

TEST_CASE("a port in use is one clear line") {
  RunningServer server;
  CHECK(refusal(server.address()) ==
        fmt::format("cannot listen on {}: the port is in use; stop the other process or set "
                    "http.listen to another port",
                    server.address()));
}

TEST_CASE("an address in use is told from one that can never be") {
  const TemporaryDirectory folder;
  RunningServer on_port;
  RunningServer on_file{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
  CHECK(is_in_use(on_port.address()));
  CHECK(is_in_use(on_file.address()));
  CHECK_FALSE(is_in_use("unix:" + folder.write("plain", "text")));
  for (const char* const never : {"9791", "192.0.2.1:9791", "no-such-host.invalid:9791"}) {
    CAPTURE(never);
    CHECK_FALSE(is_in_use(never));
  }
}

TEST_CASE("a port is free again at once, even with clients just served") {
  std::string address;
  {
    RunningServer server;
    address = server.address();
    RawClient client{address};
    client.send("GET /a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    REQUIRE(client.answer());
    CHECK(client.is_closed(5s));
  }
  CHECK(refusal(address).empty());
}

TEST_CASE("what cannot be listened on is one clear line each") {
  CHECK(refusal("9791") == "cannot listen on \"9791\": write host:port, [v6]:port or unix:/path");
  CHECK(refusal("192.0.2.1:9791").starts_with("cannot listen on 192.0.2.1:9791: "));
  CHECK(refusal("no-such-host.invalid:9791")
            .starts_with(
                "cannot listen on no-such-host.invalid:9791: the host cannot be looked up: "));
  CHECK(refusal("unix:/no/such/folder/x.sock") ==
        "cannot listen on unix:/no/such/folder/x.sock: No such file or directory");
  CHECK(refusal("unix:/tmp/" + std::string(200, 'x')).ends_with(": File name too long"));
}

TEST_CASE("a socket file serves, for owner and group only, and goes with the server") {
  const TemporaryDirectory folder;
  for (const mode_t mask : std::array<mode_t, 3>{0, 022, 077}) {
    CAPTURE(mask);
    const auto before = ::umask(mask);
    RunningServer server{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
    ::umask(before);
    CHECK(server.address() == "unix:" + folder.path("http.sock"));
    CHECK(mode_of(folder.path("http.sock")) == 0660);
    RawClient client{server.address()};
    client.send(get_request("/file"));
    CHECK(client.answer()->body == "/file");
    server.stop(5s);
    CHECK_FALSE(fs::exists(folder.path("http.sock")));
  }
}

TEST_CASE("a stale socket file is replaced") {
  const TemporaryDirectory folder;
  {
    RunningServer server{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
    fs::create_hard_link(folder.path("http.sock"), folder.path("http.sock") + ".kept");
  }
  fs::rename(folder.path("http.sock") + ".kept", folder.path("http.sock"));
  RunningServer server{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
  RawClient client{server.address()};
  client.send(get_request("/file"));
  CHECK(client.answer()->body == "/file");
}

TEST_CASE("a live socket file is left to its owner") {
  const TemporaryDirectory folder;
  RunningServer server{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
  CHECK(refusal(server.address()) ==
        fmt::format("cannot listen on {}: another process is listening there; stop it or choose "
                    "another path",
                    server.address()));
  RawClient client{server.address()};
  client.send(get_request("/still"));
  CHECK(client.answer()->body == "/still");
}

TEST_CASE("a file that is no socket is never removed") {
  const TemporaryDirectory folder;
  std::ofstream{folder.path("http.sock")} << "precious";
  CHECK(refusal("unix:" + folder.path("http.sock")).find("not a socket is in the way") !=
        std::string::npos);
  CHECK(fs::file_size(folder.path("http.sock")) == 8);
}

TEST_CASE("a socket file that another process has put in place of ours stays") {
  const TemporaryDirectory folder;
  RunningServer server{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
  fs::remove(folder.path("http.sock"));
  RunningServer successor{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
  server.stop(5s);
  RawClient client{successor.address()};
  client.send(get_request("/new"));
  CHECK(client.answer()->body == "/new");
}

}  // namespace pgcaretaker::test
