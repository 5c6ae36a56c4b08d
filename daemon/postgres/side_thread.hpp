// SPDX-License-Identifier: Apache-2.0
// A thread beside the loop, for calls that only block: the loop awaits them with a deadline.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::pg {

/// Works off one call after the other. The thread lives only while there is something to do, and
/// is never joined: a call cannot be interrupted. The loop outlives this object.
class SideThread {
 public:
  /// The destructor waits up to `farewell` for a call under way.
  explicit SideThread(Duration farewell);
  ~SideThread();
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;

  /// What `call` returns; nullopt when `deadline` came first. After a deadline or a cancel of the
  /// coroutine a call that has not begun never will; one that has begun goes on, unheard. `call`
  /// owns all that it uses and throws nothing.
  template <class T>
  Awaitable<std::optional<T>> run(std::function<T()> call, SteadyTime deadline) {
    const auto value = std::make_shared<std::optional<T>>();
    std::function<void()> work = [value, call = std::move(call)] { value->emplace(call()); };
    const bool has_ended = co_await finish(worker_, std::move(work), deadline);
    // Before its end the value is the side thread's.
    if (!has_ended) co_return std::nullopt;
    co_return std::move(*value);
  }

 private:
  class Worker;
  struct Job;
  class Withdrawal;
  static Awaitable<bool> finish(std::shared_ptr<Worker> worker, std::function<void()> work,
                                SteadyTime deadline);

  std::shared_ptr<Worker> worker_;
  Duration farewell_;
};

}  // namespace pgcaretaker::pg
