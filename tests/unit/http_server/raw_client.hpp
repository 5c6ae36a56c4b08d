// SPDX-License-Identifier: Apache-2.0
// A client with bare sockets, which may do everything a well-behaved one would not.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgcaretaker::test {

/// One answer, taken apart at its Content-Length.
struct RawAnswer {
  int status = 0;
  std::string header;  // status line and fields, as sent
  std::string body;

  /// A field's value; "" when it is absent. `name` as the server spells it.
  [[nodiscard]] std::string field(const std::string& name) const;
};

/// Blocking, every wait bounded by `patience`. Never raises SIGPIPE.
class RawClient {
 public:
  /// host:port, [v6]:port or unix:/path of a listening server.
  explicit RawClient(const std::string& address);
  ~RawClient();
  RawClient(const RawClient&) = delete;

  /// A socket that is not connected yet, for tests that run out of descriptors.
  RawClient();
  void connect(const std::string& address);

  /// False when the server no longer takes it.
  bool send(std::string_view text);
  void end_sending();
  /// The next answer; nullopt when the server closed or stays silent before it is complete. A body
  /// is expected unless `is_head`.
  std::optional<RawAnswer> answer(bool is_head = false);
  /// Everything up to the orderly end of the connection; nullopt when it is reset or does not end.
  std::optional<std::string> rest();
  /// True when the server closes or resets within `patience`; what it sends before is dropped.
  bool is_closed(std::chrono::milliseconds patience);

 private:
  enum class Received { data, end, reset, silence };
  Received receive(std::chrono::milliseconds patience);

  int fd_ = -1;
  std::string received_;
};

/// GET with Host and nothing else.
[[nodiscard]] std::string get_request(std::string_view path);

}  // namespace pgcaretaker::test
