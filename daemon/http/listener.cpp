// SPDX-License-Identifier: Apache-2.0
// A listening socket, TCP or Unix, and the socket file that goes with it.
#include "http/listener.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/system_error.hpp>
#include <cstring>
#include <stdexcept>

namespace pgcaretaker::http {
namespace {

using boost::system::error_code;
using boost::system::system_error;

// Owner and group: the group is how an operator lets a scraper in.
constexpr mode_t socket_file_mode = 0660;

constexpr std::string_view another_process =
    "another process is listening there; stop it or choose another path";

std::string refusal(const Endpoint& endpoint, std::string_view why) {
  return fmt::format("cannot listen on {}: {}", endpoint.text(), why);
}

[[noreturn]] void fail(const Endpoint& endpoint, std::string_view why) {
  throw std::runtime_error{refusal(endpoint, why)};
}

[[noreturn]] void fail_in_use(const Endpoint& endpoint, std::string_view why) {
  throw AddressInUse{refusal(endpoint, why)};
}

/// Removes a socket file that nobody listens on any more. Anything else in the way is an error.
void clear_stale_file(const asio::any_io_executor& executor, const Endpoint& endpoint) {
  struct stat file {};
  if (::lstat(endpoint.path.c_str(), &file) != 0) {
    return;
  }
  if (!S_ISSOCK(file.st_mode)) {
    fail(endpoint, "a file that is not a socket is in the way; remove it or choose another path");
  }
  asio::local::stream_protocol::socket probe{executor};
  error_code error;
  probe.connect(asio::local::stream_protocol::endpoint{endpoint.path}, error);
  if (!error) {
    fail_in_use(endpoint, another_process);
  }
  if (error != asio::error::connection_refused) {
    fail(endpoint, error.message());
  }
  if (::unlink(endpoint.path.c_str()) != 0) {
    fail(endpoint, fmt::format("cannot remove the stale socket file: {}", std::strerror(errno)));
  }
}

std::string advice(const error_code& error) {
  if (error == asio::error::access_denied) {
    return "permission denied; ports below 1024 are for root";
  }
  return error.message();
}

}  // namespace

Listener::Listener(const asio::any_io_executor& executor, const std::string& listen)
    : acceptor_{executor} {
  const auto endpoint = parse_endpoint(listen);
  if (!endpoint) {
    throw std::runtime_error{
        fmt::format("cannot listen on \"{}\": write host:port, [v6]:port or unix:/path", listen)};
  }
  endpoint_ = *endpoint;
  if (endpoint_.is_unix()) {
    open_unix();
  } else {
    open_tcp();
  }
}

Listener::~Listener() {
  close();
}

void Listener::open_unix() {
  try {
    clear_stale_file(acceptor_.get_executor(), endpoint_);
    const asio::local::stream_protocol::endpoint where{endpoint_.path};
    acceptor_.open(where.protocol());
    // Linux takes the file's mode from the socket's, less the umask: it is never wider than this,
    // not even for a moment. The chmod after it gives back what the umask took.
    ::fchmod(acceptor_.native_handle(), socket_file_mode);
    acceptor_.bind(where);
    struct stat file {};
    if (::chmod(endpoint_.path.c_str(), socket_file_mode) == 0 &&
        ::lstat(endpoint_.path.c_str(), &file) == 0) {
      file_device_ = file.st_dev;
      file_number_ = file.st_ino;
    }
    acceptor_.listen();
  } catch (const system_error& error) {
    close();
    // Between our look and our bind another one came.
    if (error.code() == asio::error::address_in_use) fail_in_use(endpoint_, another_process);
    fail(endpoint_, error.code().message());
  }
}

void Listener::open_tcp() {
  error_code error;
  asio::ip::tcp::resolver resolver{acceptor_.get_executor()};
  const auto found =
      resolver.resolve(endpoint_.host, endpoint_.port, asio::ip::resolver_base::passive, error);
  if (error || found.empty()) {
    fail(endpoint_, fmt::format("the host cannot be looked up: {}", error.message()));
  }
  const asio::ip::tcp::endpoint where = found.begin()->endpoint();
  try {
    acceptor_.open(where.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    acceptor_.bind(where);
    acceptor_.listen();
  } catch (const system_error& refused) {
    if (refused.code() == asio::error::address_in_use) {
      fail_in_use(endpoint_,
                  "the port is in use; stop the other process or set http.listen to another port");
    }
    fail(endpoint_, advice(refused.code()));
  }
  const auto bound = acceptor_.local_endpoint();
  asio::ip::tcp::endpoint local;
  std::memcpy(local.data(), bound.data(), bound.size());
  endpoint_.host = local.address().to_string();
  endpoint_.port = std::to_string(local.port());
}

void Listener::close() {
  error_code ignored;
  acceptor_.close(ignored);
  struct stat file {};
  if (file_number_ != 0 && ::lstat(endpoint_.path.c_str(), &file) == 0 &&
      file.st_dev == file_device_ && file.st_ino == file_number_) {
    ::unlink(endpoint_.path.c_str());
  }
  file_number_ = 0;
}

}  // namespace pgcaretaker::http
