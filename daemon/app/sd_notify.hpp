// SPDX-License-Identifier: Apache-2.0
// What systemd is told. Every call is nothing at all when there is no systemd to tell.
#pragma once

#include <optional>
#include <string_view>

#include "async/awaitable.hpp"
#include "async/clock.hpp"

namespace pgcaretaker::app {

void notify_ready();
/// Between this and the next notify_ready() a reload is under way.
void notify_reloading();
void notify_stopping();
/// The line `systemctl status` shows.
void notify_status(std::string_view text);

/// Pings the watchdog from the loop itself at a third of its interval, for ever; returns at once
/// when there is no watchdog. A loop that hangs stops pinging, and systemd kills and restarts the
/// process.
Awaitable<void> feed_watchdog(async::Clock& clock);

}  // namespace pgcaretaker::app
