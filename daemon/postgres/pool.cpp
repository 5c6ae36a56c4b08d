// SPDX-License-Identifier: Apache-2.0
// Places, handed on in order; a session is at most as old as the last look at it.
#include "postgres/pool.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <list>
#include <utility>
#include <vector>

namespace pgcaretaker::pg {

class Pool::Impl {
 public:
  Impl(ConnectOptions options, int size, Canceller& canceller, asio::any_io_executor executor)
      : options_{std::move(options)},
        size_{size},
        canceller_{canceller},
        executor_{std::move(executor)} {}
  ~Impl() { assert(used_ == 0 && waiters_.empty()); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Awaitable<std::unique_ptr<Connection>> acquire();
  void give_back(std::unique_ptr<Connection> connection) noexcept;
  void close() noexcept;
  [[nodiscard]] bool has_place() const noexcept { return used_ < size_ && waiters_.empty(); }
  [[nodiscard]] int open() const noexcept { return lent_ + static_cast<int>(idle_.size()); }
  [[nodiscard]] int waiting() const noexcept { return static_cast<int>(waiters_.size()); }

 private:
  struct Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : wake{executor, SteadyTime::max()} {}
    asio::steady_timer wake;
    bool has_place = false;
  };
  /// A place in the pool; passed on to the next waiter unless kept.
  class Place {
   public:
    explicit Place(Impl& pool) : pool_{&pool} {}
    ~Place() {
      if (pool_ != nullptr) pool_->pass_on();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    void keep() { pool_ = nullptr; }

   private:
    Impl* pool_;
  };

  Awaitable<void> wait_for_place();
  void require_open() const;
  void pass_on() noexcept;
  std::unique_ptr<Connection> take_idle();

  ConnectOptions options_;
  int size_;
  Canceller& canceller_;
  asio::any_io_executor executor_;
  int used_ = 0;  // places: lent sessions and those being opened
  int lent_ = 0;
  bool is_closed_ = false;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::list<Waiter*> waiters_;
};

void Pool::Impl::require_open() const {
  if (is_closed_) {
    throw Error{Error::Kind::connection, "the pool is closed"};
  }
}

Awaitable<void> Pool::Impl::wait_for_place() {
  require_open();
  if (has_place()) {
    ++used_;
    co_return;
  }
  Waiter waiter{executor_};
  const auto entry = waiters_.insert(waiters_.end(), &waiter);
  co_await waiter.wake.async_wait(asio::as_tuple(asio::use_awaitable));
  if (waiter.has_place) co_return;  // a cancel that came as well is felt at the next co_await
  waiters_.erase(entry);
  require_open();
  throw boost::system::system_error{asio::error::operation_aborted};
}

/// The place of a session that is no longer lent: to the longest waiting, if any.
void Pool::Impl::pass_on() noexcept {
  if (waiters_.empty()) {
    --used_;
    return;
  }
  Waiter* const next = waiters_.front();
  waiters_.pop_front();
  next->has_place = true;
  next->wake.cancel();
}

std::unique_ptr<Connection> Pool::Impl::take_idle() {
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->check_open()) return connection;
  }
  return nullptr;
}

Awaitable<std::unique_ptr<Connection>> Pool::Impl::acquire() {
  co_await wait_for_place();
  Place place{*this};
  std::unique_ptr<Connection> connection = take_idle();
  if (!connection) {
    connection = co_await Connection::connect(options_, canceller_);
  }
  require_open();
  place.keep();
  ++lent_;
  co_return connection;
}

void Pool::Impl::give_back(std::unique_ptr<Connection> connection) noexcept {
  --lent_;
  if (!is_closed_ && connection->state() == SessionState::ready) {
    connection->set_deadline(SteadyTime::max());
    connection->expect_statement_timeout(std::nullopt);
    idle_.push_back(std::move(connection));
  }
  pass_on();
}

void Pool::Impl::close() noexcept {
  is_closed_ = true;
  idle_.clear();
  for (Waiter* const waiter : waiters_) {
    waiter->wake.cancel();
  }
}

Loan::Loan(Pool& pool, std::unique_ptr<Connection> connection)
    : pool_{&pool}, connection_{std::move(connection)} {}

Loan::Loan(Loan&& other) noexcept
    : pool_{std::exchange(other.pool_, nullptr)}, connection_{std::move(other.connection_)} {}

Loan::~Loan() {
  if (connection_) pool_->impl_->give_back(std::move(connection_));
}

Pool::Pool(ConnectOptions options, int size, Canceller& canceller, asio::any_io_executor executor)
    : impl_{std::make_unique<Impl>(std::move(options), size, canceller, std::move(executor))} {}

Pool::~Pool() = default;

Awaitable<Loan> Pool::acquire() {
  std::unique_ptr<Connection> connection = co_await impl_->acquire();
  co_return Loan(*this, std::move(connection));
}

Awaitable<std::optional<Loan>> Pool::try_acquire() {
  if (!impl_->has_place()) co_return std::nullopt;
  Loan loan = co_await acquire();
  co_return std::optional<Loan>(std::move(loan));
}

void Pool::close() noexcept {
  impl_->close();
}

int Pool::open() const noexcept {
  return impl_->open();
}

int Pool::waiting() const noexcept {
  return impl_->waiting();
}

}  // namespace pgcaretaker::pg
