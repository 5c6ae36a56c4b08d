// SPDX-License-Identifier: Apache-2.0
// The real server on a loop of its own thread, so that tests can be blocking clients.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "async/notifier.hpp"
#include "http/server.hpp"

namespace pgcaretaker::test {

/// Answers with the path; /large with `large_bytes`, /throw by throwing.
[[nodiscard]] http::Response echo(const http::Request& request);
constexpr std::size_t large_bytes = 32 * 1024 * 1024;

class RunningServer {
 public:
  /// Short limits make short tests; nothing in the server depends on their size.
  explicit RunningServer(http::Limits limits = http::Limits{}, http::Handler handler = echo,
                         const std::string& listen = "127.0.0.1:0");
  /// Stops it when the test has not.
  ~RunningServer();
  RunningServer(const RunningServer&) = delete;

  [[nodiscard]] std::string address() const { return address_; }
  [[nodiscard]] int open_connections();
  /// Waits until that many are open; false when they are not within ten seconds.
  [[nodiscard]] bool comes_to(int connections);
  /// Returns how long stop() took; by then the loop has run dry.
  std::chrono::milliseconds stop(Duration budget);
  /// Lets a stop begin without waiting for its end; stop() waits for it.
  void begin_stop(Duration budget);

 private:
  Awaitable<bool> live();

  asio::io_context loop_{1};
  http::Server server_;
  std::string address_;
  async::Notifier asked_to_stop_;
  bool stop_asked_ = false;
  Duration budget_{0};
  std::thread thread_;
};

}  // namespace pgcaretaker::test
