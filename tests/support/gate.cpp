// SPDX-License-Identifier: Apache-2.0
// Two pumps for each connection; what they may do is looked up before every write.
#include "support/gate.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <functional>
#include <future>
#include <set>
#include <thread>

#include "async/awaitable.hpp"
#include "async/notifier.hpp"

namespace pgcaretaker::test {

namespace {

using asio::ip::tcp;

constexpr auto quietly = asio::as_tuple(asio::use_awaitable);

struct Pair {
  explicit Pair(tcp::socket accepted)
      : client{std::move(accepted)}, server{client.get_executor()} {}

  void end(bool with_reset) {
    boost::system::error_code ignored;
    for (tcp::socket* const socket : {&client, &server}) {
      if (with_reset) socket->set_option(asio::socket_base::linger(true, 0), ignored);
      socket->close(ignored);
    }
  }

  tcp::socket client;
  tcp::socket server;
  int pumps = 2;  // directions that have not ended
};

/// Shared by the coroutines, so that it is there as long as any frame is.
struct State {
  struct Limit {
    Gate::Direction direction;
    std::size_t bytes;
    Gate::Action action;
  };

  explicit State(const asio::any_io_executor& executor) : changed{executor} {}

  void act(Gate::Action next) {
    action = next;
    limit.reset();
    if (action == Gate::Action::drop || action == Gate::Action::reset) {
      for (const auto& pair : pairs) {
        pair->end(action == Gate::Action::reset);
      }
    }
    changed.notify_all();
  }

  std::size_t& count(Gate::Direction direction) {
    return passed[direction == Gate::Direction::to_server ? 0 : 1];
  }

  [[nodiscard]] bool may_pass(Gate::Direction direction) const {
    const bool is_used_up = limit && limit->direction == direction && limit->bytes == 0;
    return action != Gate::Action::stall && !is_used_up;
  }

  struct Permit {
    std::size_t bytes;
    std::shared_ptr<Limit> used_up;  // the limit whose last bytes these are
  };

  /// Counts before the write: when the bytes have arrived, the test may already be setting the next
  /// limit.
  Permit take(Gate::Direction direction, std::size_t wanted) {
    Permit permit{wanted, nullptr};
    if (limit && limit->direction == direction) {
      permit.bytes = std::min(wanted, limit->bytes);
      limit->bytes -= permit.bytes;
      if (limit->bytes == 0) permit.used_up = limit;
    }
    count(direction) += permit.bytes;
    return permit;
  }

  void has_written() {
    if (writes_left > 0 && --writes_left == 0) after_writes();
  }

  Gate::Action action = Gate::Action::pass;
  std::shared_ptr<Limit> limit;
  std::size_t writes_left = 0;  // 0 = after_writes is not waited for
  std::function<void()> after_writes;
  std::array<std::size_t, 2> passed{};
  std::set<std::shared_ptr<Pair>> pairs;
  async::Notifier changed;
};

Awaitable<void> pump(std::shared_ptr<State> state, std::shared_ptr<Pair> pair,
                     Gate::Direction direction) {
  const bool up = direction == Gate::Direction::to_server;
  tcp::socket& from = up ? pair->client : pair->server;
  tcp::socket& to = up ? pair->server : pair->client;
  std::array<char, 16384> buffer{};
  while (true) {
    const auto [error, size] = co_await from.async_read_some(asio::buffer(buffer), quietly);
    if (error) break;
    std::size_t sent = 0;
    while (sent < size) {
      while (!state->may_pass(direction)) {
        co_await state->changed.wait();
      }
      const State::Permit permit = state->take(direction, size - sent);
      const auto [write_error, written] =
          co_await asio::async_write(to, asio::buffer(buffer.data() + sent, permit.bytes), quietly);
      sent += written;
      if (permit.used_up && permit.used_up == state->limit) state->act(permit.used_up->action);
      if (write_error) co_return;
    }
    if (up) state->has_written();
  }
  boost::system::error_code ignored;
  to.shutdown(tcp::socket::shutdown_send, ignored);
}

/// One direction; the pair is forgotten when both have ended.
Awaitable<void> pump_to_end(std::shared_ptr<State> state, std::shared_ptr<Pair> pair,
                            Gate::Direction direction) {
  co_await pump(state, pair, direction);
  if (--pair->pumps == 0) state->pairs.erase(pair);
}

void report_nothing(std::exception_ptr) {}

Awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<Pair> pair,
                      unsigned short upstream_port) {
  const tcp::endpoint upstream{asio::ip::address_v4::loopback(), upstream_port};
  state->pairs.insert(pair);
  const auto [error] = co_await pair->server.async_connect(upstream, quietly);
  if (error) {
    pair->end(false);
    state->pairs.erase(pair);
    co_return;
  }
  const auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, pump_to_end(state, pair, Gate::Direction::to_client), report_nothing);
  co_await pump_to_end(state, pair, Gate::Direction::to_server);
}

Awaitable<void> listen(std::shared_ptr<State> state, tcp::acceptor& acceptor,
                       unsigned short upstream_port) {
  while (true) {
    auto [error, socket] = co_await acceptor.async_accept(quietly);
    if (error) co_return;
    const auto pair = std::make_shared<Pair>(std::move(socket));
    if (state->action == Gate::Action::drop || state->action == Gate::Action::reset) {
      pair->end(state->action == Gate::Action::reset);
      continue;
    }
    asio::co_spawn(acceptor.get_executor(), serve(state, pair, upstream_port), report_nothing);
  }
}

}  // namespace

class Gate::Impl {
 public:
  explicit Impl(unsigned short upstream_port)
      : acceptor_{loop_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}},
        port_{acceptor_.local_endpoint().port()},
        state_{std::make_shared<State>(loop_.get_executor())} {
    asio::co_spawn(loop_, listen(state_, acceptor_, upstream_port), report_nothing);
    thread_ = std::thread{[this] { loop_.run(); }};
  }

  ~Impl() {
    loop_.stop();
    thread_.join();
  }

  [[nodiscard]] unsigned short port() const { return port_; }

  void on_loop(const std::function<void(State&)>& function) {
    std::promise<void> done;
    asio::post(loop_, [&] {
      function(*state_);
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  asio::io_context loop_{1};
  tcp::acceptor acceptor_;
  unsigned short port_;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

Gate::Gate(unsigned short upstream_port) : impl_{std::make_unique<Impl>(upstream_port)} {}
Gate::~Gate() = default;

unsigned short Gate::port() const {
  return impl_->port();
}

void Gate::act(Action action) {
  impl_->on_loop([=](State& state) { state.act(action); });
}

void Gate::act_after(Direction direction, std::size_t bytes, Action action) {
  impl_->on_loop([=](State& state) {
    state.act(bytes == 0 ? action : Action::pass);
    if (bytes > 0)
      state.limit = std::make_shared<State::Limit>(State::Limit{direction, bytes, action});
  });
}

void Gate::after_writes(std::size_t count, std::function<void()> act) {
  impl_->on_loop([&](State& state) {
    state.writes_left = count;
    state.after_writes = std::move(act);
  });
}

std::size_t Gate::passed(Direction direction) const {
  std::size_t bytes = 0;
  impl_->on_loop([&](State& state) { bytes = state.count(direction); });
  return bytes;
}

}  // namespace pgcaretaker::test
