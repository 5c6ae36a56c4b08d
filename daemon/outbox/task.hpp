// SPDX-License-Identifier: Apache-2.0
// Keeps one transactional-outbox table: watches its states, deletes what is past its keep.
#pragma once

#include <optional>
#include <string>

#include "config/settings.hpp"
#include "task/task.hpp"

namespace pgcaretaker::outbox {

class OutboxTask final : public task::Task {
 public:
  explicit OutboxTask(config::Outbox settings);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Duration every() const override { return settings_.every; }
  [[nodiscard]] Duration deadline() const override;

  Awaitable<task::Plan> plan(pg::Connection& connection, std::optional<UtcTime> as_of) override;
  Awaitable<void> apply(pg::Connection& connection, const task::Step& step,
                        const task::Surroundings& around, task::Applied& applied) override;

 private:
  config::Outbox settings_;
  std::string name_;
};

}  // namespace pgcaretaker::outbox
