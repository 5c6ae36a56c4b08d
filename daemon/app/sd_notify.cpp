// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) by libsystemd.
#include "app/sd_notify.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdint>
#include <string>

namespace pgcaretaker::app {

void notify_ready() {
  sd_notify(0, "READY=1");
}

void notify_reloading() {
  // Type=notify-reload wants to know when the reload began; older systemd ignores the line.
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()).c_str());
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}

void notify_status(std::string_view text) {
  sd_notify(0, fmt::format("STATUS={}", text).c_str());
}

Awaitable<void> feed_watchdog(async::Clock& clock) {
  std::uint64_t interval_microseconds = 0;
  if (sd_watchdog_enabled(0, &interval_microseconds) <= 0) {
    co_return;
  }
  const auto pause =
      std::chrono::duration_cast<Duration>(std::chrono::microseconds{interval_microseconds / 3});
  for (;;) {
    sd_notify(0, "WATCHDOG=1");
    co_await clock.sleep_for(pause);
  }
}

}  // namespace pgcaretaker::app
