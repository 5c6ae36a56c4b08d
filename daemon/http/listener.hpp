// SPDX-License-Identifier: Apache-2.0
// A listening socket, TCP or Unix, and the socket file that goes with it.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <stdexcept>
#include <string>

#include "async/awaitable.hpp"
#include "http/endpoint.hpp"

namespace pgcaretaker::http {

/// Somebody listens there now; a moment later that may be over.
class AddressInUse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Listener {
 public:
  using Protocol = asio::generic::stream_protocol;

  /// Binds and listens; a name is looked up first, which blocks. See Server for what `listen` may
  /// be and what it throws.
  Listener(const asio::any_io_executor& executor, const std::string& listen);
  ~Listener();
  Listener(const Listener&) = delete;

  [[nodiscard]] asio::basic_socket_acceptor<Protocol>& acceptor() { return acceptor_; }
  /// Where it listens, with the real port.
  [[nodiscard]] std::string address() const { return endpoint_.text(); }
  /// Stops listening and removes the socket file, unless another process has put its own there.
  void close();

 private:
  void open_unix();
  void open_tcp();

  asio::basic_socket_acceptor<Protocol> acceptor_;
  Endpoint endpoint_;
  // The socket file as this object made it; 0 = none.
  unsigned long file_device_ = 0;
  unsigned long file_number_ = 0;
};

}  // namespace pgcaretaker::http
