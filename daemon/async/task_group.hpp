// SPDX-License-Identifier: Apache-2.0
// Owner of long-lived coroutines: starts, cancels and joins them. Nothing else spawns.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "async/notifier.hpp"

namespace pgcaretaker::async {

/// One thread only. Neither copied nor moved; empty when it is destroyed (asserted): join() first.
class TaskGroup {
 public:
  /// Called with a member's name and what it threw. Must not throw.
  using OnError = std::function<void(const std::string& name, std::exception_ptr failure)>;

  /// Without `on_error` an exception that leaves a member is a broken invariant: it leaves the
  /// loop's run(). A member that ends with operation_aborted after a cancel has not failed.
  explicit TaskGroup(asio::any_io_executor executor, OnError on_error = nullptr);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `member` with the loop's next turn. Its arguments are values, or outlive the group's
  /// join(). Members may spawn members; cancel_all() concerns only those present, so a group can be
  /// used again after it.
  void spawn(std::string name, Awaitable<void> member);

  /// Asks every present member to end (terminal cancel). Returns at once.
  void cancel_all();

  /// Returns when no member is left, those included that are spawned meanwhile.
  Awaitable<void> join();

  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }

 private:
  struct Member;

  static Awaitable<void> live(std::shared_ptr<Member> entry, Awaitable<void> member);
  void leave(const std::shared_ptr<Member>& member, std::exception_ptr failure);

  asio::any_io_executor executor_;
  OnError on_error_;
  std::vector<std::shared_ptr<Member>> members_;
  Notifier emptied_;
};

}  // namespace pgcaretaker::async
