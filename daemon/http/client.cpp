// SPDX-License-Identifier: Apache-2.0
// One GET by plain Asio: the answer is short-lived and closes its connection, so that no parser of
// a library is needed to find its end.
#include "http/client.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <stdexcept>
#include <tuple>

#include "async/with_deadline.hpp"
#include "http/endpoint.hpp"

namespace pgcaretaker::http {
namespace {

using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Endpoints = std::vector<asio::generic::stream_protocol::endpoint>;

// /status of a thousand partitions is well under a megabyte.
constexpr std::size_t answer_bytes_at_most = 16 * 1024 * 1024;

[[noreturn]] void fail(const std::string& url, std::string_view why) {
  throw std::runtime_error{fmt::format("no answer from {}: {}", url, why)};
}

/// For an operation's error: a cancel stays a cancel, so that the deadline is told from the rest.
[[noreturn]] void fail(const std::string& url, const error_code& error) {
  if (error == asio::error::operation_aborted) {
    throw boost::system::system_error{error};
  }
  fail(url, error.message());
}

asio::generic::stream_protocol::endpoint unix_endpoint(const std::string& url,
                                                       const std::string& path) {
  try {
    return asio::local::stream_protocol::endpoint{path};
  } catch (const boost::system::system_error& error) {
    fail(url, error.code().message());
  }
}

Awaitable<Endpoints> resolve(std::string url, Endpoint endpoint) {
  Endpoints endpoints;
  if (endpoint.is_unix()) {
    endpoints.push_back(unix_endpoint(url, endpoint.path));
    co_return endpoints;
  }
  asio::ip::tcp::resolver resolver{co_await asio::this_coro::executor};
  const auto [error, found] = co_await resolver.async_resolve(endpoint.host, endpoint.port,
                                                              asio::as_tuple(asio::use_awaitable));
  if (error) {
    fail(url, error);
  }
  for (const auto& entry : found) {
    endpoints.emplace_back(entry.endpoint());
  }
  co_return endpoints;
}

/// Tries the addresses of a name in their order.
Awaitable<void> connect(std::string url, Endpoints endpoints, Socket& socket) {
  error_code error = asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    error_code ignored;
    socket.close(ignored);
    std::tie(error) = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
    if (!error) {
      co_return;
    }
  }
  fail(url, error);
}

/// "HTTP/1.1 200 OK" to 200; nullopt when it is something else.
std::optional<int> status_of(std::string_view answer) {
  constexpr std::string_view prefix = "HTTP/1.";
  constexpr std::size_t status_at = prefix.size() + 2;
  int status = 0;
  if (!answer.starts_with(prefix) || answer.size() < status_at + 3) {
    return std::nullopt;
  }
  const auto digits = answer.substr(status_at, 3);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + 3, status);
  return error == std::errc{} && end == digits.data() + 3 ? std::optional{status} : std::nullopt;
}

/// The value of Content-Length, lower-cased header names compared; nullopt when there is none.
std::optional<std::size_t> content_length_of(std::string_view header) {
  constexpr std::string_view name = "\r\ncontent-length:";
  std::string lower{header};
  for (auto& letter : lower) {
    letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  const auto at = lower.find(name);
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const auto value = lower.find_first_not_of(" \t", at + name.size());
  std::size_t length = 0;
  if (value == std::string::npos ||
      std::from_chars(lower.data() + value, lower.data() + lower.size(), length).ec !=
          std::errc{}) {
    return std::nullopt;
  }
  return length;
}

Answer parse(const std::string& url, const std::string& text) {
  const auto status = status_of(text);
  const auto header_end = text.find("\r\n\r\n");
  if (!status || header_end == std::string::npos) {
    fail(url,
         text.empty() ? "the connection was closed without an answer" : "it does not speak HTTP");
  }
  Answer answer;
  answer.status = *status;
  answer.body = text.substr(header_end + 4);
  const auto length = content_length_of(std::string_view{text}.substr(0, header_end + 2));
  if (length && *length > answer.body.size()) {
    fail(url, "the answer was cut short");
  }
  return answer;
}

std::string request_text(const Endpoint& endpoint, const std::string& path,
                         const std::optional<config::Secret>& bearer) {
  auto text = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", path,
                          endpoint.is_unix() ? "localhost" : endpoint.text());
  if (bearer) {
    text += fmt::format("Authorization: Bearer {}\r\n", bearer->reveal());
  }
  return text + "\r\n";
}

Awaitable<Answer> exchange(std::string url, Endpoint endpoint, std::string request) {
  auto endpoints = co_await resolve(url, endpoint);
  Socket socket{co_await asio::this_coro::executor};
  co_await connect(url, std::move(endpoints), socket);
  // A server that refuses early may close before it has read everything: what it said counts, so
  // that a failed write is not yet the end.
  std::ignore = co_await asio::async_write(socket, asio::buffer(request),
                                           asio::as_tuple(asio::use_awaitable));
  std::string text;
  auto [error, size] =
      co_await asio::async_read(socket, asio::dynamic_buffer(text, answer_bytes_at_most + 1),
                                asio::as_tuple(asio::use_awaitable));
  if (size > answer_bytes_at_most) {
    fail(url, "the answer is longer than 16 MiB");
  }
  if (error == asio::error::operation_aborted ||
      (text.empty() && error && error != asio::error::eof)) {
    fail(url, error);
  }
  co_return parse(url, text);
}

}  // namespace

Awaitable<Answer> get(std::string url, std::string path, std::optional<config::Secret> bearer,
                      SteadyTime deadline) {
  const auto endpoint = parse_url(url);
  if (!endpoint) {
    throw std::runtime_error{fmt::format(
        "cannot read the url \"{}\": write http://host:port, http://[v6]:port or unix:/path", url)};
  }
  auto operation = exchange(url, *endpoint, request_text(*endpoint, path, bearer));
  auto answer = co_await async::with_deadline(std::move(operation), deadline);
  if (!answer) {
    fail(url, "the deadline has passed");
  }
  co_return std::move(*answer);
}

}  // namespace pgcaretaker::http
