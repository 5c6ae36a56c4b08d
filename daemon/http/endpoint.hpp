// SPDX-License-Identifier: Apache-2.0
// The text that names where the daemon listens, taken apart. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgcaretaker::http {

struct Endpoint {
  std::string path;  // of a Unix socket; "" = TCP
  std::string host;  // name or address, IPv6 without brackets
  std::string port;  // decimal, 0..65535

  [[nodiscard]] bool is_unix() const { return !path.empty(); }
  /// As it was written: unix:/path, host:port or [v6]:port.
  [[nodiscard]] std::string text() const;
};

/// Reads unix:/path, host:port or [v6]:port; nullopt for anything else.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);

/// Reads http://host:port, http://[v6]:port or unix:/path; nullopt for anything else.
[[nodiscard]] std::optional<Endpoint> parse_url(std::string_view url);

}  // namespace pgcaretaker::http
