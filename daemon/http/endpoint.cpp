// SPDX-License-Identifier: Apache-2.0
// The text that names where the daemon listens, taken apart.
#include "http/endpoint.hpp"

#include <charconv>

namespace pgcaretaker::http {
namespace {

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size() &&
         value <= 65535;
}

}  // namespace

std::string Endpoint::text() const {
  if (is_unix()) {
    return "unix:" + path;
  }
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + port;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view unix_prefix = "unix:";
  Endpoint endpoint;
  if (text.starts_with(unix_prefix)) {
    endpoint.path = text.substr(unix_prefix.size());
    return endpoint.path.starts_with('/') ? std::optional{endpoint} : std::nullopt;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) {
    return std::nullopt;
  }
  auto host = text.substr(0, colon);
  endpoint.port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) {
      return std::nullopt;
    }
  } else if (host.find_first_of(":[]/@ ") != std::string_view::npos) {
    return std::nullopt;
  }
  if (host.empty()) {
    return std::nullopt;
  }
  endpoint.host = host;
  return endpoint;
}

std::optional<Endpoint> parse_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) {
    return url.starts_with("unix:") ? parse_endpoint(url) : std::nullopt;
  }
  url.remove_prefix(scheme.size());
  if (url.ends_with('/')) {
    url.remove_suffix(1);
  }
  const auto endpoint = parse_endpoint(url);
  return endpoint && !endpoint->is_unix() ? endpoint : std::nullopt;
}

}  // namespace pgcaretaker::http
