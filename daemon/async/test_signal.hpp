// SPDX-License-Identifier: Apache-2.0
// Tells a test that production code has come to a certain point; one branch when nobody listens.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/notifier.hpp"
#include "async/time.hpp"
#include "async/with_deadline.hpp"

namespace pgcaretaker::async {

/// Production code calls signal(); a test calls listen() beforehand and then awaits next(). So
/// tests wait for events instead of sleeping. The idea is River's (riverqueue.com),
/// rivershared/testsignal.
template <class T>
class TestSignal {
 public:
  /// Does nothing unless a test listens.
  void signal(const T& value) {
    if (listener_) {
      listener_->values.push_back(value);
      listener_->arrived.notify_all();
    }
  }

  /// From now on values are kept, in order.
  void listen(const asio::any_io_executor& executor) {
    listener_ = std::make_unique<Listener>(executor);
  }

  /// The oldest value not yet taken; nullopt when none came by `deadline`. Only after listen().
  Awaitable<std::optional<T>> next(SteadyTime deadline) {
    co_return co_await with_deadline(take(), deadline);
  }

 private:
  struct Listener {
    explicit Listener(const asio::any_io_executor& executor) : arrived{executor} {}
    std::deque<T> values;
    Notifier arrived;
  };

  Awaitable<T> take() {
    while (listener_->values.empty()) {
      co_await listener_->arrived.wait();
    }
    T value = std::move(listener_->values.front());
    listener_->values.pop_front();
    co_return value;
  }

  std::unique_ptr<Listener> listener_;
};

}  // namespace pgcaretaker::async
