// SPDX-License-Identifier: Apache-2.0
// The clock as a thing one can hand over: the real one here, a fake one in tests/support.
#pragma once

#include "async/awaitable.hpp"
#include "async/time.hpp"

namespace pgcaretaker::async {

class Clock {
 public:
  virtual ~Clock() = default;

  /// Monotonic now.
  [[nodiscard]] virtual SteadyTime now() const = 0;
  /// Calendar now of this machine; the server's clock decides about data, never this one.
  [[nodiscard]] virtual UtcTime utc_now() const = 0;
  /// Returns at or after `when`; at once when it has passed.
  /// Throws boost::system::system_error (operation_aborted) when the coroutine is cancelled.
  virtual Awaitable<void> sleep_until(SteadyTime when) = 0;

  Awaitable<void> sleep_for(Duration time) { return sleep_until(now() + time); }
};

class RealClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override;
  [[nodiscard]] UtcTime utc_now() const override;
  Awaitable<void> sleep_until(SteadyTime when) override;
};

}  // namespace pgcaretaker::async
