// SPDX-License-Identifier: Apache-2.0
// Comparing two clocks.
#include "task/clock_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcaretaker::task {

namespace {

// Above any round trip, below any interval; peers in the field refuse at the same difference.
constexpr std::chrono::seconds tolerated{10};

std::size_t withhold_by_age(Plan& plan) {
  return std::erase_if(plan.steps, [](const Step& step) { return step.by_age; });
}

}  // namespace

void ClockWatch::look(UtcTime server, SteadyTime before, SteadyTime after, Duration tolerated) {
  if (last_) {
    const auto moved = std::chrono::duration_cast<Duration>(server - last_->server);
    // Of two looks that took long nobody knows better how far they are apart.
    const auto least = std::chrono::duration_cast<Duration>(before - last_->after);
    const auto most = std::chrono::duration_cast<Duration>(after - last_->before);
    const Duration jump = moved - std::clamp(moved, least, most);
    if (std::chrono::abs(jump) > tolerated) jump_ = jump;
  }
  last_ = Look{server, before, after};
}

void ClockWatch::person_looked() {
  last_.reset();
  jump_.reset();
}

void withhold_after_jump(Plan& plan, const ClockWatch& watch) {
  if (!watch.jump()) return;
  const auto withheld = withhold_by_age(plan);
  if (withheld == 0) return;
  const auto jump = std::chrono::duration_cast<std::chrono::seconds>(*watch.jump());
  plan.findings.push_back(Finding{
      Severity::critical, "clock_jumped", "clock",
      fmt::format("{} step{} not done: the server's clock went {} by {} s between two passes; see "
                  "that it is right, then reload or restart pgcaretaker, nothing is retired before",
                  withheld, withheld == 1 ? "" : "s", jump.count() > 0 ? "ahead" : "back",
                  std::chrono::abs(jump).count())});
}

void withhold_when_clocks_differ(Plan& plan, UtcTime before, UtcTime after) {
  const UtcTime nearest = std::max(before, std::min(plan.as_of, after));
  const auto ahead = std::chrono::duration_cast<std::chrono::seconds>(plan.as_of - nearest);
  if (std::chrono::abs(ahead) <= tolerated) {
    return;
  }
  const auto withheld = withhold_by_age(plan);
  if (withheld == 0) {
    return;
  }
  plan.findings.push_back(
      Finding{Severity::critical, "clocks_differ", "clock",
              fmt::format("{} step{} not done: the server's clock is {} s {} this machine's; set "
                          "right the wrong one, nothing is retired before",
                          withheld, withheld == 1 ? "" : "s", std::chrono::abs(ahead).count(),
                          ahead.count() > 0 ? "ahead of" : "behind")});
}

}  // namespace pgcaretaker::task
