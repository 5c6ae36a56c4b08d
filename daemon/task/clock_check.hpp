// SPDX-License-Identifier: Apache-2.0
// Nothing is retired by a clock that is in doubt. Pure.
#pragma once

#include <optional>

#include "task/step.hpp"

namespace pgcaretaker::task {

/// What the server's clock did between the passes of one task, against a clock of ours that nobody
/// can set.
class ClockWatch {
 public:
  /// Notes that the server's clock stood at `server` at some time between `before` and `after` of
  /// ours. When it must have moved by more than `tolerated` more or less than ours since the last
  /// look, the watch is in doubt from then on.
  void look(UtcTime server, SteadyTime before, SteadyTime after, Duration tolerated);
  /// Ends the doubt: whoever reloads or restarts the daemon has been told and has looked.
  void person_looked();
  /// By how much it jumped, ahead (positive) or back; nullopt = there is no doubt.
  [[nodiscard]] std::optional<Duration> jump() const { return jump_; }

 private:
  struct Look {
    UtcTime server;
    SteadyTime before;
    SteadyTime after;
  };
  std::optional<Look> last_;
  std::optional<Duration> jump_;
};

/// While `watch` is in doubt, takes every step that was planned by age out of `plan` and puts a
/// critical finding in. Steps that only add go on.
void withhold_after_jump(Plan& plan, const ClockWatch& watch);

/// When the server's clock (plan.as_of), which was read at some time between `before` and `after`
/// of ours, is more than 10 s off, takes every step that
/// was planned by age out of `plan` and puts a critical finding in: one of the two clocks is wrong,
/// and a clock that has jumped ahead makes every row look old. Steps that only add go on.
void withhold_when_clocks_differ(Plan& plan, UtcTime before, UtcTime after);

}  // namespace pgcaretaker::task
