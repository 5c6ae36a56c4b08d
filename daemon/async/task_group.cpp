// SPDX-License-Identifier: Apache-2.0
// A list of cancellation signals, each as old as its coroutine.
#include "async/task_group.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <exception>
#include <utility>

#include "async/with_deadline.hpp"

namespace pgcaretaker::async {

struct TaskGroup::Member {
  std::string name;
  asio::cancellation_signal signal;
  bool is_started = false;
  bool is_cancelled = false;
};

TaskGroup::TaskGroup(asio::any_io_executor executor, OnError on_error)
    : executor_{std::move(executor)}, on_error_{std::move(on_error)}, emptied_{executor_} {}

TaskGroup::~TaskGroup() {
  assert(members_.empty());
}

/// In Asio 1.81 a coroutine that is cancelled before it has suspended for the first time may end
/// without calling its handler: a last await inside co_spawn throws. Hence the turn of the loop
/// before anything else, and a cancel that comes before it is over waits for that.
Awaitable<void> TaskGroup::live(std::shared_ptr<Member> entry, Awaitable<void> member) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  entry->is_started = true;
  if (entry->is_cancelled) {
    entry->signal.emit(asio::cancellation_type::terminal);
  }
  co_await std::move(member);
}

void TaskGroup::spawn(std::string name, Awaitable<void> member) {
  auto entry = std::make_shared<Member>();
  entry->name = std::move(name);
  members_.push_back(entry);
  // The slot's signal must outlive the coroutine: the handler, which is the last thing of it, holds
  // it and is the only one to let go of it.
  const auto slot = entry->signal.slot();
  auto ended = [this, entry](std::exception_ptr failure) { leave(entry, failure); };
  asio::co_spawn(executor_, live(entry, std::move(member)),
                 asio::bind_cancellation_slot(slot, std::move(ended)));
}

void TaskGroup::cancel_all() {
  const auto present = members_;  // a member that ends at once erases itself
  for (const auto& member : present) {
    member->is_cancelled = true;
    // Outside of the loop Asio would queue the emission without keeping the signal alive.
    asio::dispatch(executor_, [member] {
      if (member->is_started) member->signal.emit(asio::cancellation_type::terminal);
    });
  }
}

Awaitable<void> TaskGroup::join() {
  while (!members_.empty()) {
    co_await emptied_.wait();
  }
}

void TaskGroup::leave(const std::shared_ptr<Member>& member, std::exception_ptr failure) {
  std::erase(members_, member);
  if (members_.empty()) {
    emptied_.notify_all();
  }
  if (!failure || (member->is_cancelled && detail::is_abort(failure))) {
    return;
  }
  if (!on_error_) {
    std::rethrow_exception(failure);
  }
  on_error_(member->name, failure);
}

}  // namespace pgcaretaker::async
