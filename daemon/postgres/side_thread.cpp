// SPDX-License-Identifier: Apache-2.0
// A queue of calls, worked off by a detached thread that keeps alive what it needs.
#include "postgres/side_thread.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "async/notifier.hpp"
#include "async/with_deadline.hpp"

namespace pgcaretaker::pg {

namespace {

/// What the loop's coroutine waits for; only the loop's thread touches it.
struct Asker {
  explicit Asker(const asio::any_io_executor& executor) : ended{executor} {}
  async::Notifier ended;
  bool has_ended = false;
};

Awaitable<void> wait_end(std::shared_ptr<Asker> waiting) {
  while (!waiting->has_ended) {
    co_await waiting->ended.wait();
  }
}

}  // namespace

/// It may outlive the loop, so it owns nothing of the loop's.
struct SideThread::Job {
  Job(std::function<void()> what, asio::any_io_executor loop, const std::shared_ptr<Asker>& who)
      : work{std::move(what)}, executor{std::move(loop)}, waiting{who} {}

  std::function<void()> work;
  asio::any_io_executor executor;
  std::weak_ptr<Asker> waiting;
};

class SideThread::Worker : public std::enable_shared_from_this<Worker> {
 public:
  void add(std::shared_ptr<Job> job) {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(job));
    if (!is_running_) {
      std::thread{[self = shared_from_this()] { self->work(); }}.detach();
      is_running_ = true;
    }
  }

  void withdraw(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock{mutex_};
    std::erase(queue_, job);
  }

  void stop(Duration farewell) {
    std::unique_lock lock{mutex_};
    is_stopping_ = true;
    queue_.clear();
    ended_.wait_for(lock, farewell, [this] { return !is_running_; });
  }

 private:
  void work() {
    std::unique_lock lock{mutex_};
    while (!queue_.empty()) {
      const std::shared_ptr<Job> job = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      job->work();
      lock.lock();
      // After stop() there may be no loop any more.
      if (!is_stopping_) report(*job);
    }
    is_running_ = false;
    ended_.notify_all();
  }

  static void report(const Job& job) {
    asio::post(job.executor, [waiting = job.waiting] {
      if (const auto still_waiting = waiting.lock()) {
        still_waiting->has_ended = true;
        still_waiting->ended.notify_all();
      }
    });
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  std::deque<std::shared_ptr<Job>> queue_;
  bool is_running_ = false;
  bool is_stopping_ = false;
};

/// Takes a job that nobody waits for any more out of the queue.
class SideThread::Withdrawal {
 public:
  Withdrawal(Worker& worker, const std::shared_ptr<Job>& job) : worker_{worker}, job_{job} {}
  ~Withdrawal() { worker_.withdraw(job_); }
  Withdrawal(const Withdrawal&) = delete;
  Withdrawal& operator=(const Withdrawal&) = delete;

 private:
  Worker& worker_;
  const std::shared_ptr<Job>& job_;
};

SideThread::SideThread(Duration farewell)
    : worker_{std::make_shared<Worker>()}, farewell_{farewell} {}

SideThread::~SideThread() {
  worker_->stop(farewell_);
}

Awaitable<bool> SideThread::finish(std::shared_ptr<Worker> worker, std::function<void()> work,
                                   SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  const auto waiting = std::make_shared<Asker>(executor);
  const auto job = std::make_shared<Job>(std::move(work), executor, waiting);
  const Withdrawal withdrawal{*worker, job};
  worker->add(job);
  co_await async::with_deadline(wait_end(waiting), deadline);
  co_return waiting->has_ended;
}

}  // namespace pgcaretaker::pg
