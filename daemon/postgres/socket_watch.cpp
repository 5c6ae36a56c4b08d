// SPDX-License-Identifier: Apache-2.0
// One wait shape: readiness and a timer in a parallel group, so that both outcomes are seen.
#include "postgres/socket_watch.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>

namespace pgcaretaker::pg {

namespace {

using boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;

/// Readiness that came together with the deadline or a cancel counts: nothing is lost by using it.
bool outcome(const error_code& wait_error, const error_code& timer_error) {
  if (!wait_error) return true;
  if (!timer_error) return false;
  throw boost::system::system_error{wait_error};
}

Awaitable<bool> wait_one(Descriptor& descriptor, Descriptor::wait_type type,
                         asio::steady_timer& timer) {
  const auto [order, wait_error, timer_error] =
      co_await asio::experimental::make_parallel_group(descriptor.async_wait(type, asio::deferred),
                                                       timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  co_return outcome(wait_error, timer_error);
}

Awaitable<bool> wait_either(Descriptor& descriptor, asio::steady_timer& timer) {
  const auto [order, read_error, write_error, timer_error] =
      co_await asio::experimental::make_parallel_group(
          descriptor.async_wait(Descriptor::wait_read, asio::deferred),
          descriptor.async_wait(Descriptor::wait_write, asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const bool is_ready = !read_error || !write_error;
  co_return is_ready || outcome(read_error, timer_error);
}

}  // namespace

void SocketWatch::assign(int fd) {
  release();
  descriptor_.assign(fd);
}

void SocketWatch::release() noexcept {
  if (descriptor_.is_open()) {
    descriptor_.release();
  }
}

Awaitable<bool> SocketWatch::wait(Direction direction, SteadyTime deadline) {
  asio::steady_timer timer{co_await asio::this_coro::executor, deadline};
  if (direction == Direction::both) {
    co_return co_await wait_either(descriptor_, timer);
  }
  const auto type = direction == Direction::read ? Descriptor::wait_read : Descriptor::wait_write;
  co_return co_await wait_one(descriptor_, type, timer);
}

}  // namespace pgcaretaker::pg
