// SPDX-License-Identifier: Apache-2.0
// The loop runs until the coroutine has ended, then does what was left ready.
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <stdexcept>

namespace pgcaretaker::test {

void run(asio::io_context& loop, Awaitable<void> operation) {
  std::exception_ptr failure;
  bool ended = false;
  asio::co_spawn(loop, std::move(operation), [&](std::exception_ptr thrown) {
    failure = thrown;
    ended = true;
    loop.stop();  // other coroutines of the loop may go on for ever
  });
  loop.restart();
  loop.run();
  loop.restart();
  loop.poll();
  if (failure) {
    std::rethrow_exception(failure);
  }
  if (!ended) {
    throw std::logic_error("the loop ran dry before the coroutine ended");
  }
}

}  // namespace pgcaretaker::test
