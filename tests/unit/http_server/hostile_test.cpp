// SPDX-License-Identifier: Apache-2.0
// Clients that mean harm: none of them may stall the loop, hold a slot for long, or cost much
// memory.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <list>

#include "raw_client.hpp"
#include "running_server.hpp"

namespace pgcaretaker::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Clock = std::chrono::steady_clock;

http::Limits impatient() {
  http::Limits limits;
  limits.idle = 1500ms;
  return limits;
}

/// How long a fresh client waits for its answer.
Clock::duration time_of_a_request(const std::string& address) {
  const auto begin = Clock::now();
  RawClient client{address};
  REQUIRE(client.send(get_request("/health")));
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body == "/health");
  return Clock::now() - begin;
}

long resident_kibibytes() {
  std::ifstream file{"/proc/self/statm"};
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

/// Room for a thousand sockets; returns what the limit was.
rlimit allow_descriptors(rlim_t count) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit wanted = before;
  wanted.rlim_cur = std::min(count, before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &wanted);
  return before;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

TEST_CASE("a header sent byte by byte is cut off at the idle limit, others are served meanwhile") {
  RunningServer server{impatient()};
  RawClient slow{server.address()};
  const auto begin = Clock::now();
  const std::string header = get_request("/slow") + std::string(100000, 'x');
  Clock::duration slowest{0};
  std::size_t sent = 0;
  bool closed = false;
  while (!closed && Clock::now() - begin < 10s) {
    slow.send(std::string_view{header}.substr(sent % 20, 1));
    ++sent;
    slowest = std::max(slowest, time_of_a_request(server.address()));
    closed = slow.is_closed(10ms);
  }
  CHECK(closed);
  CHECK(Clock::now() - begin >= 1450ms);
  CHECK(Clock::now() - begin < 8s);
  CHECK(sent > 2);
  CHECK(slowest < 1200ms);
}

TEST_CASE("a silent client is closed at the idle limit, before and between requests") {
  RunningServer server{impatient()};
  RawClient silent{server.address()};
  RawClient once{server.address()};
  once.send(get_request("/a"));
  REQUIRE(once.answer());
  CHECK(silent.is_closed(8s));
  CHECK(once.is_closed(8s));
  CHECK(server.comes_to(0));
}

TEST_CASE("a header beyond 8 KiB is 431, one of just 8 KiB is served") {
  RunningServer server;
  const auto with_header = [](std::size_t bytes) {
    std::string text = "GET /a HTTP/1.1\r\nHost: test\r\nX: ";
    return text + std::string(bytes - text.size() - 4, 'x') + "\r\n\r\n";
  };
  RawClient fits{server.address()};
  fits.send(with_header(8 * 1024));
  const auto served = fits.answer();
  REQUIRE(served);
  CHECK(served->status == 200);
  RawClient too_large{server.address()};
  too_large.send(with_header(8 * 1024 + 1));
  const auto refused = too_large.answer();
  REQUIRE(refused);
  CHECK(refused->status == 431);
  CHECK(too_large.is_closed(5s));
}

TEST_CASE("headers of 1 MiB cost neither memory nor another client's time") {
  RunningServer server;
  const auto flood = "GET / HTTP/1.1\r\nX: " + std::string(1024 * 1024, 'x');
  const auto many_lines = [] {
    std::string text = "GET / HTTP/1.1\r\n";
    while (text.size() < 1024 * 1024) {
      text += "X: y\r\n";
    }
    return text;
  }();
  time_of_a_request(server.address());
  const long before = resident_kibibytes();
  for (int i = 0; i < 16; ++i) {
    RawClient client{server.address()};
    client.send(i % 2 == 0 ? flood : many_lines);
    const auto answer = client.answer();
    // The server may have gone while we were still sending: then it is a reset instead.
    if (answer) {
      CHECK(answer->status == 431);
    }
    CHECK(client.is_closed(5s));
    CHECK(time_of_a_request(server.address()) < 2s);
  }
#ifdef __SANITIZE_ADDRESS__
  constexpr long allowed = 64 * 1024;  // freed memory stays in the sanitizer's quarantine
#else
  constexpr long allowed = 8 * 1024;
#endif
  CHECK(resident_kibibytes() - before < allowed);
}

TEST_CASE("pipelined garbage is 400 after the good request before it") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/good") + "\x00\xFF\x16\x03 garbage\r\n\r\n"s + get_request("/never"));
  CHECK(client.answer()->body == "/good");
  const auto refused = client.answer();
  REQUIRE(refused);
  CHECK(refused->status == 400);
  CHECK(client.rest() == "");
}

TEST_CASE("malformed requests are refused and closed") {
  RunningServer server;
  const std::initializer_list<std::string> requests{
      "\r\n\r\nhello\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "\x16\x03\x01\x02\x05\x01\x02\x03\x04\x05\x06 a TLS hello\r\n\r\n",
      "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"s};
  for (const auto& request : requests) {
    CAPTURE(request);
    RawClient client{server.address()};
    client.send(request);
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(client.is_closed(5s));
  }
}

TEST_CASE("pipelined requests are answered in their order, more of them than the buffer holds") {
  RunningServer server;
  RawClient client{server.address()};
  constexpr int count = 2000;
  std::string requests;
  for (int i = 0; i < count; ++i) {
    requests += get_request(fmt::format("/{}", i));
  }
  REQUIRE(client.send(requests));
  for (int i = 0; i < count; ++i) {
    const auto answer = client.answer();
    REQUIRE(answer);
    REQUIRE(answer->body == fmt::format("/{}", i));
  }
}

TEST_CASE("of 500 connections 64 stay open; when they have gone, the next one is served") {
  const auto before = allow_descriptors(2048);
  RunningServer server;
  std::list<RawClient> clients;
  for (int i = 0; i < 500; ++i) {
    clients.emplace_back(server.address());
  }
  REQUIRE(server.comes_to(64));
  int closed = 0;
  for (auto at = clients.begin(); at != clients.end();) {
    const auto here = at++;
    // Accepting is in order: the first 64 are those that stay.
    if (std::distance(clients.begin(), here) >= 64) {
      closed += here->is_closed(5s) ? 1 : 0;
      clients.erase(here);
    }
  }
  CHECK(closed == 436);
  CHECK(server.open_connections() == 64);
  for (auto& client : clients) {
    client.send(get_request("/mine"));
    CHECK(client.answer()->body == "/mine");
  }
  clients.clear();
  REQUIRE(server.comes_to(0));
  CHECK(time_of_a_request(server.address()) < 2s);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("a client that has ended its side still gets its answer") {
  RunningServer server;
  RawClient client{server.address()};
  client.send(get_request("/half"));
  client.end_sending();
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body == "/half");
  CHECK(client.is_closed(5s));
}

TEST_CASE("a client that ends its side in the middle of a request is closed without an answer") {
  RunningServer server;
  for (const auto* part : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n"}) {
    CAPTURE(part);
    RawClient client{server.address()};
    client.send(part);
    client.end_sending();
    CHECK(client.rest() == "");
  }
  CHECK(server.comes_to(0));
}

TEST_CASE("a client that does not read a large answer is given up at the idle limit") {
  RunningServer server{impatient()};
  RawClient deaf{server.address()};
  deaf.send(get_request("/large"));
  REQUIRE(server.comes_to(1));
  const auto begin = Clock::now();
  Clock::duration slowest{0};
  while (server.open_connections() > 0 && Clock::now() - begin < 10s) {
    slowest = std::max(slowest, time_of_a_request(server.address()));
  }
  CHECK(server.comes_to(0));
  CHECK(Clock::now() - begin < 8s);
  CHECK(slowest < 1200ms);
}

TEST_CASE("a client that only sends after its last answer does not stay") {
  RunningServer server{impatient()};
  RawClient chatty{server.address()};
  chatty.send("GET /a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  REQUIRE(chatty.answer());
  const auto begin = Clock::now();
  while (chatty.send("x") && Clock::now() - begin < 10s) {
  }
  CHECK(Clock::now() - begin < 8s);
}

TEST_CASE("without descriptors left the loop does not spin, and goes on when there are some") {
  RunningServer server;
  time_of_a_request(server.address());
  REQUIRE(server.comes_to(0));
  RawClient client;  // its descriptor is the last
  const int next = ::dup(0);
  ::close(next);
  const auto before = allow_descriptors(static_cast<rlim_t>(next));
  client.connect(server.address());
  client.send(get_request("/late"));
  const double cpu_before = cpu_seconds();
  CHECK_FALSE(client.is_closed(600ms));  // the window that is measured
  const double spent = cpu_seconds() - cpu_before;
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(spent < 0.03);  // a few wake-ups; a spinning loop takes all it can get
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->body == "/late");
}

}  // namespace pgcaretaker::test
