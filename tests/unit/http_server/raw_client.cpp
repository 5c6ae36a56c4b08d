// SPDX-License-Identifier: Apache-2.0
// A client with bare sockets, which may do everything a well-behaved one would not.
#include "raw_client.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "http/endpoint.hpp"

namespace pgcaretaker::test {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s;  // far beyond what any test waits for when all is well

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

template <class T>
Address packed(const T& address) {
  Address result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.size = sizeof address;
  return result;
}

Address address_of(const std::string& text) {
  const auto endpoint = http::parse_endpoint(text);
  if (!endpoint) {
    throw std::invalid_argument{text};
  }
  if (endpoint->is_unix()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    endpoint->path.copy(address.sun_path, sizeof address.sun_path - 1);
    return packed(address);
  }
  const auto port = htons(static_cast<std::uint16_t>(std::stoi(endpoint->port)));
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, endpoint->host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    return packed(v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  ::inet_pton(AF_INET6, endpoint->host.c_str(), &v6.sin6_addr);
  return packed(v6);
}

}  // namespace

std::string RawAnswer::field(const std::string& name) const {
  const auto at = header.find("\r\n" + name + ": ");
  if (at == std::string::npos) {
    return {};
  }
  const auto value = at + name.size() + 4;
  return header.substr(value, header.find("\r\n", value) - value);
}

RawClient::RawClient() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {}

RawClient::RawClient(const std::string& address)
    : fd_{::socket(address_of(address).storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  connect(address);
}

RawClient::~RawClient() {
  ::close(fd_);
}

void RawClient::connect(const std::string& address) {
  const auto where = address_of(address);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0) {
    throw std::runtime_error{fmt::format("connect to {}: {}", address, std::strerror(errno))};
  }
}

bool RawClient::send(std::string_view text) {
  while (!text.empty()) {
    pollfd wait{fd_, POLLOUT, 0};
    const int ready =
        ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds{patience}.count()));
    const auto sent = ready == 1 ? ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) : -1;
    if (sent < 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end_sending() {
  ::shutdown(fd_, SHUT_WR);
}

RawClient::Received RawClient::receive(std::chrono::milliseconds within) {
  pollfd wait{fd_, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(within.count())) != 1) {
    return Received::silence;
  }
  std::array<char, 65536> buffer{};
  const auto size = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    return size == 0 ? Received::end : Received::reset;
  }
  received_.append(buffer.data(), static_cast<std::size_t>(size));
  return Received::data;
}

std::optional<RawAnswer> RawClient::answer(bool is_head) {
  auto header_end = received_.find("\r\n\r\n");
  while (header_end == std::string::npos) {
    if (receive(patience) != Received::data) {
      return std::nullopt;
    }
    header_end = received_.find("\r\n\r\n");
  }
  RawAnswer answer;
  answer.header = received_.substr(0, header_end + 2);
  answer.status = std::stoi(answer.header.substr(answer.header.find(' ') + 1, 3));
  const auto length = is_head ? 0 : std::stoul("0" + answer.field("Content-Length"));
  received_.erase(0, header_end + 4);
  while (received_.size() < length) {
    if (receive(patience) != Received::data) {
      return std::nullopt;
    }
  }
  answer.body = received_.substr(0, length);
  received_.erase(0, length);
  return answer;
}

std::optional<std::string> RawClient::rest() {
  auto last = Received::data;
  while (last == Received::data) {
    last = receive(patience);
  }
  return last == Received::end ? std::optional{std::move(received_)} : std::nullopt;
}

bool RawClient::is_closed(std::chrono::milliseconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  auto last = Received::data;
  while (last == Received::data) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    last = receive(std::max(left, 0ms));
    received_.clear();
  }
  return last == Received::end || last == Received::reset;
}

std::string get_request(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: test\r\n\r\n", path);
}

}  // namespace pgcaretaker::test
