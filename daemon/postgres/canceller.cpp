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

struct Request {
  Request(PGcancel* what, asio::any_io_executor loop)
      : cancel{what}, executor{std::move(loop)}, done{executor} {}
  ~Request() { PQfreeCancel(cancel); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  PGcancel* cancel;
  asio::any_io_executor executor;
  async::Notifier done;  // the two below belong to the loop's thread
  bool is_done = false;
  bool was_taken = false;
};

Awaitable<void> wait_done(std::shared_ptr<Request> request) {
  while (!request->is_done) {
    co_await request->done.wait();
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
      // After stop() the loop may be gone, and with it everything that a Request refers to.
      if (!is_stopping_) report(std::move(request), was_taken);
    }
    is_running_ = false;
    changed_.notify_all();
  }

  static void report(std::shared_ptr<Request> request, bool was_taken) {
    const asio::any_io_executor executor = request->executor;
    asio::post(executor, [request = std::move(request), was_taken] {
      request->is_done = true;
      request->was_taken = was_taken;
      request->done.notify_all();
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
  const auto request = std::make_shared<Request>(cancel, executor);
  worker_->add(request);
  const bool was_in_time = co_await async::with_deadline(wait_done(request), deadline);
  if (!was_in_time) {
    worker_->withdraw(request);
  }
  co_return was_in_time && request->was_taken;
}

}  // namespace pgcaretaker::pg
