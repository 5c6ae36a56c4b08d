// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server: GET and HEAD, bounded in every direction. The only Beast file is its
// source.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "http/message.hpp"

namespace pgcaretaker::http {

/// Pure and quick: runs on the loop. Never called for anything but GET and HEAD.
using Handler = std::function<Response(const Request&)>;

struct Limits {
  std::size_t header_bytes = 8 * 1024;
  Duration idle =
      std::chrono::seconds{10};  // whole request must arrive, and the answer be taken, within
  int connections = 64;          // one more is closed at once
};

class Server {
 public:
  /// Binds and listens at once: `host:port`, `[v6]:port`, or `unix:/path` (a stale socket file is
  /// replaced, a live one is not). Throws std::runtime_error with one clear line, AddressInUse
  /// (http/listener.hpp) when another process listens there. Port 0 = any.
  Server(asio::any_io_executor executor, const std::string& listen, Limits limits, Handler handler);
  /// Once started, only after stop() has returned.
  ~Server();
  Server(const Server&) = delete;

  /// Starts accepting. Errors of one client never reach another.
  void start();
  /// Stops accepting, closes idle clients, lets answers under way go out until `deadline`; returns
  /// when no coroutine of the server is left.
  Awaitable<void> stop(SteadyTime deadline);

  /// Where it listens, with the real port.
  [[nodiscard]] std::string address() const;
  [[nodiscard]] int open_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcaretaker::http
