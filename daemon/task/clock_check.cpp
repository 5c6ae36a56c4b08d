// SPDX-License-Identifier: Apache-2.0
// Comparing two clocks.
#include "task/clock_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcaretaker::task {

namespace {

// Above any round trip, below any interval; peers in the field refuse at the same difference.
constexpr std::chrono::seconds tolerated{10};

}  // namespace

void withhold_when_clocks_differ(Plan& plan, UtcTime before, UtcTime after) {
  const UtcTime nearest = std::max(before, std::min(plan.as_of, after));
  const auto ahead = std::chrono::duration_cast<std::chrono::seconds>(plan.as_of - nearest);
  if (std::chrono::abs(ahead) <= tolerated) {
    return;
  }
  const auto withheld = std::erase_if(plan.steps, [](const Step& step) { return step.by_age; });
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
