// SPDX-License-Identifier: Apache-2.0
// Watches how full the server and the configured pools are; never changes anything.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/settings.hpp"
#include "saturation/judge.hpp"
#include "task/task.hpp"

namespace pgcaretaker::saturation {

class SaturationTask final : public task::Task {
 public:
  explicit SaturationTask(config::Saturation settings);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Duration every() const override { return settings_.every; }
  [[nodiscard]] Duration deadline() const override;
  [[nodiscard]] bool needs_own_session() const override { return true; }

  Awaitable<task::Plan> plan(pg::Connection& connection, std::optional<UtcTime> as_of) override;
  /// Never called: its plans hold no step.
  Awaitable<void> apply(pg::Connection& connection, const task::Step& step,
                        const task::Surroundings& around, task::Applied& applied) override;

 private:
  config::Saturation settings_;
  std::string name_;
  std::map<std::string, History> history_;  // of each pool, from one look to the next
};

}  // namespace pgcaretaker::saturation
