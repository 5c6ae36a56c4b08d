// SPDX-License-Identifier: Apache-2.0
// The daemon's own client against the real server, and against answers no server should give.
#include "http/client.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "async/run_to_end.hpp"
#include "running_server.hpp"
#include "support/process.hpp"

namespace pgcaretaker::test {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

http::Answer ask(const std::string& url, const std::string& path,
                 std::optional<config::Secret> bearer = std::nullopt, Duration patience = 10s) {
  asio::io_context loop{1};
  return async::run_to_end(
      loop, http::get(url, path, std::move(bearer), std::chrono::steady_clock::now() + patience));
}

std::string failure(const std::string& url, Duration patience = 10s) {
  try {
    ask(url, "/", std::nullopt, patience);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

/// Answers its one client with `text`, whatever it asks.
class Scripted {
 public:
  explicit Scripted(std::string text)
      : thread_{[this, text = std::move(text)] {
          auto client = acceptor_.accept();
          boost::system::error_code ignored;
          std::string request;
          asio::read_until(client, asio::dynamic_buffer(request), "\r\n\r\n", ignored);
          asio::write(client, asio::buffer(text), ignored);
        }} {}
  ~Scripted() { thread_.join(); }
  Scripted(const Scripted&) = delete;
  [[nodiscard]] std::string url() const {
    return fmt::format("http://127.0.0.1:{}", acceptor_.local_endpoint().port());
  }

 private:
  asio::io_context loop_;
  tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

std::string failure_of_answer(std::string text) {
  const Scripted server{std::move(text)};
  const auto url = server.url();
  const auto said = failure(url);
  const auto prefix = fmt::format("no answer from {}: ", url);
  CHECK(said.starts_with(prefix));
  CHECK(said.find('\n') == std::string::npos);
  return said.substr(std::min(prefix.size(), said.size()));
}

}  // namespace

TEST_CASE("an answer comes over TCP, by address and by name") {
  RunningServer server;
  const auto answer = ask("http://" + server.address(), "/status");
  CHECK(answer.status == 200);
  CHECK(answer.body == "/status");
  const auto port = server.address().substr(server.address().find(':'));
  CHECK(ask("http://localhost" + port + "/", "/by-name").body == "/by-name");
}

TEST_CASE("an answer comes over a socket file") {
  const TemporaryDirectory folder;
  RunningServer server{http::Limits{}, echo, "unix:" + folder.path("http.sock")};
  CHECK(ask("unix:" + folder.path("http.sock"), "/status").body == "/status");
}

TEST_CASE("the bearer goes with the request") {
  RunningServer server;
  CHECK(ask("http://" + server.address(), "/a", config::Secret{"t0ken"}).body == "/a Bearer t0ken");
}

TEST_CASE("a status other than 200 is an answer, not an error") {
  RunningServer server;
  CHECK(ask("http://" + server.address(), "/throw").status == 500);
}

TEST_CASE("a large answer comes whole, one beyond 16 MiB is refused") {
  const std::string body(3 * 1024 * 1024, 'x');
  const Scripted server{"HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n" + body};
  CHECK(ask(server.url(), "/").body.size() == body.size());
  RunningServer endless;
  CHECK(failure(fmt::format("http://{}", endless.address())).empty());
  try {
    ask("http://" + endless.address(), "/large");
    FAIL("taken");
  } catch (const std::runtime_error& error) {
    CHECK(std::string{error.what()}.ends_with("the answer is longer than 16 MiB"));
  }
}

TEST_CASE("an answer without a length ends with the connection") {
  const Scripted server{"HTTP/1.0 200 OK\r\n\r\nuntil the end"};
  CHECK(ask(server.url(), "/").body == "until the end");
}

TEST_CASE("what is not an answer is said in one line") {
  CHECK(failure_of_answer("") == "the connection was closed without an answer");
  CHECK(failure_of_answer("220 mail.example ESMTP\r\n") == "it does not speak HTTP");
  CHECK(failure_of_answer("HTTP/1.1 abc\r\n\r\n") == "it does not speak HTTP");
  CHECK(failure_of_answer("HTTP/1.1 200 OK\r\nContent-Le") == "it does not speak HTTP");
  CHECK(failure_of_answer("HTTP/1.1 200 OK\r\nCONTENT-length:  50\r\n\r\nshort") ==
        "the answer was cut short");
}

TEST_CASE("nobody listening is said in one line") {
  std::string url;
  {
    RunningServer server;
    url = "http://" + server.address();
  }
  CHECK(failure(url) == fmt::format("no answer from {}: Connection refused", url));
  CHECK(failure("unix:/no/such.sock") ==
        "no answer from unix:/no/such.sock: No such file or directory");
  CHECK(failure("unix:/" + std::string(200, 'x')).ends_with(": File name too long"));
}

TEST_CASE("a server that never answers costs no more than the deadline") {
  asio::io_context loop;
  const tcp::acceptor silent{loop, {asio::ip::address_v4::loopback(), 0}};
  const auto url = fmt::format("http://127.0.0.1:{}", silent.local_endpoint().port());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(failure(url, 200ms) == fmt::format("no answer from {}: the deadline has passed", url));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("a connection that never comes about costs no more than the deadline") {
  // A full backlog leaves further clients waiting for their handshake.
  asio::io_context loop;
  tcp::acceptor full{loop, tcp::v4()};
  full.bind({asio::ip::address_v4::loopback(), 0});
  full.listen(0);
  std::vector<tcp::socket> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(loop);
    // Begun, never awaited: the loop does not run.
    waiting.back().async_connect(full.local_endpoint(), [](boost::system::error_code) {});
  }
  const auto url = fmt::format("http://127.0.0.1:{}", full.local_endpoint().port());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(failure(url, 200ms).ends_with("the deadline has passed"));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("a url that cannot be read says what to write") {
  for (const auto* url :
       {"", "localhost:9791", "https://localhost:9791", "http://localhost",
        "http://localhost:9791/status", "http://unix:/x", "unix:x", "ftp://a:1"}) {
    CAPTURE(url);
    CHECK(failure(url) ==
          fmt::format("cannot read the url \"{}\": write http://host:port, http://[v6]:port or "
                      "unix:/path",
                      url));
  }
}

}  // namespace pgcaretaker::test
