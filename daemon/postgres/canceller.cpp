// SPDX-License-Identifier: Apache-2.0
// A queue of cancel requests, worked off by one thread that is started when first needed.
#include "postgres/canceller.hpp"

#include <libpq-fe.h>

#include <array>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "async/notifier.hpp"
#include "async/with_deadline.hpp"

namespace pgcaretaker::pg {

namespace {

// A cancel over a living network takes milliseconds; a stop may not be held up by a dead one.
constexpr auto farewell = std::chrono::milliseconds{500};

/// What the loop's coroutine waits for; only the loop's thread touches it.
struct Waiting {
  explicit Waiting(const asio::any_io_executor& executor) : ended{executor} {}
  async::Notifier ended;
  bool has_ended = false;
  bool was_taken = false;
};

/// What the side thread needs. It may outlive the loop, so it owns nothing of the loop's.
struct Request {
  Request(PGcancel* what, asio::any_io_executor loop, const std::shared_ptr<Waiting>& who)
      : cancel{what}, executor{std::move(loop)}, waiting{who} {}
  ~Request() { PQfreeCancel(cancel); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  PGcancel* cancel;
  asio::any_io_executor executor;
  std::weak_ptr<Waiting> waiting;
};

Awaitable<void> wait_end(std::shared_ptr<Waiting> waiting) {
  while (!waiting->has_ended) {
    co_await waiting->ended.wait();
  }
}

bool send(PGcancel* cancel) {
  std::array<char, 256> words{};
  return PQcancel(cancel, words.data(), static_cast<int>(words.size())) == 1;
}

}  // namespace

class Canceller::Worker : public std::enable_shared_from_this<Worker> {
 public:
  void add(std::shared_ptr<Request> request) {
    const std::lock_guard lock{mutex_};
    if (!is_running_) {
      // Not joined: PQcancel cannot be interrupted. What the thread needs, it keeps alive itself.
      std::thread{[self = shared_from_this()] { self->work(); }}.detach();
      is_running_ = true;
    }
    queue_.push_back(std::move(request));
    changed_.notify_all();
  }

  /// The deadline has passed: forgets the request when it has not been begun.
  void withdraw(const std::shared_ptr<Request>& request) {
    const std::lock_guard lock{mutex_};
    std::erase(queue_, request);
  }

  void stop() {
    std::unique_lock lock{mutex_};
    is_stopping_ = true;
    queue_.clear();
    changed_.notify_all();
    changed_.wait_for(lock, farewell, [this] { return !is_running_; });
  }

 private:
  void work() {
    std::unique_lock lock{mutex_};
    while (true) {
      changed_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
      if (is_stopping_) break;
      std::shared_ptr<Request> request = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      const bool was_taken = send(request->cancel);
      lock.lock();
      // After stop() there may be no loop any more.
      if (!is_stopping_) report(*request, was_taken);
    }
    is_running_ = false;
    changed_.notify_all();
  }

  static void report(const Request& request, bool was_taken) {
    asio::post(request.executor, [waiting = request.waiting, was_taken] {
      if (const auto still_waiting = waiting.lock()) {
        still_waiting->has_ended = true;
        still_waiting->was_taken = was_taken;
        still_waiting->ended.notify_all();
      }
    });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Request>> queue_;
  bool is_running_ = false;
  bool is_stopping_ = false;
};

Canceller::Canceller() : worker_{std::make_shared<Worker>()} {}

Canceller::~Canceller() {
  worker_->stop();
}

Awaitable<bool> Canceller::cancel(pg_conn* connection, SteadyTime deadline) {
  PGcancel* const cancel = PQgetCancel(connection);
  if (cancel == nullptr) co_return false;
  const auto executor = co_await asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(executor);
  const auto request = std::make_shared<Request>(cancel, executor, waiting);
  worker_->add(request);
  const bool has_ended = co_await async::with_deadline(wait_end(waiting), deadline);
  if (!has_ended) {
    worker_->withdraw(request);
  }
  co_return has_ended && waiting->was_taken;
}

}  // namespace pgcaretaker::pg
