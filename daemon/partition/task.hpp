// SPDX-License-Identifier: Apache-2.0
// Keeps one partitioned table rolling: its window open, its old partitions retired.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "config/settings.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

class PartitionTask final : public task::Task {
 public:
  explicit PartitionTask(config::Partition settings, config::Journal journal = {std::nullopt});

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Duration every() const override { return settings_.every; }
  [[nodiscard]] Duration deadline() const override;
  [[nodiscard]] Duration tolerated_jump() const override;
  Awaitable<task::Plan> plan(pg::Connection& connection, std::optional<UtcTime> as_of) override;
  Awaitable<void> apply(pg::Connection& connection, const task::Step& step,
                        const task::Surroundings& around, task::Applied& applied) override;

 private:
  config::Partition settings_;
  config::Journal journal_;
  std::string name_;
  std::set<std::int64_t> frozen_;  // see add_afterwards()
};

}  // namespace pgcaretaker::partition
