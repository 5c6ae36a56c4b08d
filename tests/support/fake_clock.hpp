// SPDX-License-Identifier: Apache-2.0
// A clock that moves only when told; sleepers wake inside the loop's next poll().
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <list>

#include "async/clock.hpp"

namespace pgcaretaker::test {

class FakeClock final : public async::Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return now_; }
  [[nodiscard]] UtcTime utc_now() const override {
    return utc_start_ +
           std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch());
  }

  Awaitable<void> sleep_until(SteadyTime when) override {
    if (when <= now_) {
      co_return;
    }
    asio::steady_timer timer{co_await asio::this_coro::executor, SteadyTime::max()};
    const Sleeper sleeper{*this, when, timer};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (now_ < when) {
      throw boost::system::system_error{asio::error::operation_aborted};
    }
  }

  void advance(Duration time) {
    now_ += time;
    for (const auto* sleeper : sleepers_) {
      if (sleeper->when <= now_) {
        sleeper->timer.cancel();
      }
    }
  }

  [[nodiscard]] std::size_t sleepers() const { return sleepers_.size(); }

 private:
  struct Sleeper {
    Sleeper(FakeClock& owner, SteadyTime wake, asio::steady_timer& wake_timer)
        : clock{owner}, when{wake}, timer{wake_timer} {
      place = clock.sleepers_.insert(clock.sleepers_.end(), this);
    }
    ~Sleeper() { clock.sleepers_.erase(place); }
    Sleeper(const Sleeper&) = delete;

    FakeClock& clock;
    SteadyTime when;
    asio::steady_timer& timer;
    std::list<Sleeper*>::iterator place;
  };

  SteadyTime now_{};
  UtcTime utc_start_ = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
  std::list<Sleeper*> sleepers_;
};

}  // namespace pgcaretaker::test
