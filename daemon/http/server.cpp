// SPDX-License-Identifier: Apache-2.0
// The HTTP server: one coroutine accepts, one serves each client. The only file that knows Beast.
#include "http/server.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <list>
#include <tuple>

#include "async/task_group.hpp"
#include "async/with_deadline.hpp"
#include "http/listener.hpp"
#include "http/target.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::http {
namespace {

namespace beast = boost::beast;
namespace beast_http = boost::beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<Listener::Protocol>;
using Parser = beast_http::request_parser<beast_http::empty_body>;
using Message = beast_http::response<beast_http::string_body>;

// Out of descriptors: long enough not to spin, short enough that a client's retry finds us back.
constexpr auto accept_pause = std::chrono::milliseconds{100};
// After a last answer: how long what the client still sends is thrown away, so that the kernel does
// not answer it with a reset that would destroy the answer on its way.
constexpr auto linger = std::chrono::seconds{1};

struct Client {
  explicit Client(Stream::socket_type socket) : stream{std::move(socket)} {}
  Stream stream;
  bool answering = false;
};

/// The answer to a request that could not be read; status 0 = none, the client has gone.
Response refusal(const error_code& error) {
  if (error == beast_http::error::header_limit || error == beast_http::error::buffer_overflow) {
    return plain(431, "request header too large");
  }
  const auto& malformed = make_error_code(beast_http::error::bad_method).category();
  const bool is_gone =
      error == beast_http::error::end_of_stream || error == beast_http::error::partial_message;
  return plain(error.category() == malformed && !is_gone ? 400 : 0, "bad request");
}

bool has_body(const Parser& parser) {
  return parser.chunked() || parser.content_length().value_or(0) > 0;
}

Response answer_of(const Parser::value_type& request, const Handler& handler) {
  const bool is_head = request.method() == beast_http::verb::head;
  if (!is_head && request.method() != beast_http::verb::get) {
    return method_not_allowed();
  }
  // RFC 9112, 3.2: an HTTP/1.1 request without a host, or with two, is refused.
  if (request.version() >= 11 && request.count(beast_http::field::host) != 1) {
    return plain(400, "bad request: exactly one Host header is wanted");
  }
  Request plain_request;
  const auto target = request.target();
  plain_request.path = path_of_target({target.data(), target.size()});
  plain_request.authorization = std::string{request[beast_http::field::authorization]};
  try {
    return handler(plain_request);
  } catch (const std::exception& error) {
    telemetry::log_error("http handler failed",
                         {{"path", plain_request.path}, {"error", error.what()}});
    return plain(500, "internal error; the log has the reason");
  }
}

Message message_of(Response response, unsigned version, bool is_head, bool keep_alive) {
  Message message{static_cast<beast_http::status>(response.status), version};
  message.set(beast_http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) {
    message.insert(name, value);
  }
  message.content_length(response.body.size());
  message.keep_alive(keep_alive);
  if (!is_head) {
    message.body() = std::move(response.body);
  }
  return message;
}

}  // namespace

class Server::Impl {
 public:
  Impl(asio::any_io_executor executor, const std::string& listen, Limits limits, Handler handler)
      : listener_{executor, listen},
        limits_{limits},
        handler_{std::move(handler)},
        group_{executor} {}

  void start() { group_.spawn("http.accept", accept()); }
  Awaitable<void> stop(SteadyTime deadline);
  [[nodiscard]] std::string address() const { return listener_.address(); }
  [[nodiscard]] int open_connections() const { return static_cast<int>(clients_.size()); }

 private:
  using Clients = std::list<Client>;

  Awaitable<void> accept();
  Awaitable<void> serve(Clients::iterator client);
  Awaitable<bool> exchange(Stream& stream, beast::flat_buffer& buffer, bool& answering);
  Awaitable<void> close_gently(Stream& stream);

  Listener listener_;
  Limits limits_;
  Handler handler_;
  bool stopping_ = false;
  Clients clients_;
  async::TaskGroup group_;
};

Awaitable<void> Server::Impl::accept() {
  asio::steady_timer pause{co_await asio::this_coro::executor};
  bool failing = false;
  while (!stopping_) {
    auto [error, socket] =
        co_await listener_.acceptor().async_accept(asio::as_tuple(asio::use_awaitable));
    if (stopping_ || error == asio::error::operation_aborted) {
      co_return;
    }
    if (error) {
      if (!failing) {
        telemetry::log_warn("http clients cannot be accepted", {{"error", error.message()}});
      }
      failing = true;
      pause.expires_after(accept_pause);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    failing = false;
    if (open_connections() < limits_.connections) {
      const auto client = clients_.emplace(clients_.end(), std::move(socket));
      group_.spawn("http.client", serve(client));
    }
  }
}

Awaitable<void> Server::Impl::serve(Clients::iterator client) {
  // The parser sees request line and fields apart, and a piece of this size may pass it unmeasured:
  // the whole is measured in exchange().
  beast::flat_buffer buffer{limits_.header_bytes};
  try {
    bool keep_alive = true;
    while (keep_alive && !stopping_) {
      keep_alive = co_await exchange(client->stream, buffer, client->answering);
    }
  } catch (const std::exception& error) {
    // Cancelled, or out of memory: this client alone is closed.
    telemetry::log_debug("http client dropped", {{"error", error.what()}});
  }
  clients_.erase(client);
}

/// One request and its answer; false = the connection has ended.
Awaitable<bool> Server::Impl::exchange(Stream& stream, beast::flat_buffer& buffer,
                                       bool& answering) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
  parser.body_limit(boost::none);
  stream.expires_after(limits_.idle);
  auto [error, size] = co_await beast_http::async_read_header(stream, buffer, parser,
                                                              asio::as_tuple(asio::use_awaitable));
  if (!error && size > limits_.header_bytes) {
    error = beast_http::error::header_limit;
  }
  Response response;
  bool is_head = false;
  bool keep_alive = false;
  unsigned version = 11;
  if (error) {
    response = refusal(error);
    if (response.status == 0) {
      co_return false;
    }
  } else {
    const auto& request = parser.get();
    response = answer_of(request, handler_);
    is_head = request.method() == beast_http::verb::head;
    version = request.version() == 10 ? 10 : 11;
    // A body is never read: nothing here wants one.
    keep_alive = !stopping_ && parser.keep_alive() && !has_body(parser) && response.status != 400;
  }
  answering = true;
  const auto message = message_of(std::move(response), version, is_head, keep_alive);
  stream.expires_after(limits_.idle);
  std::tie(error, std::ignore) =
      co_await beast_http::async_write(stream, message, asio::as_tuple(asio::use_awaitable));
  answering = false;
  if (!error && !keep_alive) {
    co_await close_gently(stream);
  }
  co_return !error && keep_alive;
}

Awaitable<void> Server::Impl::close_gently(Stream& stream) {
  error_code error;
  stream.socket().shutdown(asio::socket_base::shutdown_send, error);
  std::array<char, 4096> thrown_away{};
  stream.expires_after(std::min<Duration>(linger, limits_.idle));
  while (!error && !stopping_) {
    std::tie(error, std::ignore) = co_await stream.async_read_some(
        asio::buffer(thrown_away), asio::as_tuple(asio::use_awaitable));
  }
}

Awaitable<void> Server::Impl::stop(SteadyTime deadline) {
  stopping_ = true;
  listener_.close();
  for (auto& client : clients_) {
    if (!client.answering) {
      client.stream.close();
    }
  }
  (void)co_await async::with_deadline(group_.join(), deadline);
  for (auto& client : clients_) {
    client.stream.close();
  }
  group_.cancel_all();
  co_await group_.join();
}

Server::Server(asio::any_io_executor executor, const std::string& listen, Limits limits,
               Handler handler)
    : impl_{std::make_unique<Impl>(std::move(executor), listen, limits, std::move(handler))} {}

Server::~Server() = default;

void Server::start() {
  impl_->start();
}

Awaitable<void> Server::stop(SteadyTime deadline) {
  return impl_->stop(deadline);
}

std::string Server::address() const {
  return impl_->address();
}

int Server::open_connections() const {
  return impl_->open_connections();
}

}  // namespace pgcaretaker::http
