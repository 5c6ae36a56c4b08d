// SPDX-License-Identifier: Apache-2.0
// Keeps one partitioned table rolling: its window open, its old partitions retired.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "config/settings.hpp"
#include "partition/archive_apply.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

class PartitionTask final : public task::Task {
 public:
  /// `workplace` is not used unless the settings archive.
  explicit PartitionTask(config::Partition settings, config::Journal journal = {std::nullopt},
                         std::shared_ptr<archive::Workplace> workplace = nullptr);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] Duration every() const override { return settings_.every; }
  [[nodiscard]] Duration deadline() const override;
  [[nodiscard]] Duration tolerated_jump() const override;
  Awaitable<task::Plan> plan(pg::Connection& connection, std::optional<UtcTime> as_of) override;
  Awaitable<void> apply(pg::Connection& connection, const task::Step& step,
                        const task::Surroundings& around, task::Applied& applied) override;

 private:
  [[nodiscard]] SteadyTime archive_until(async::Clock& clock) const;
  Awaitable<void> dispatch(pg::Connection& connection, const task::Step& step,
                           const task::Surroundings& around, task::Applied& applied);

  config::Partition settings_;
  config::Journal journal_;
  std::shared_ptr<archive::Workplace> workplace_;
  PassArchives archives_;
  UtcTime covered_until_{};  // as this pass has observed
  std::string name_;
  std::set<std::int64_t> frozen_;            // see add_afterwards()
  std::optional<SteadyTime> in_vain_since_;  // see pg::LockEffort::in_vain_for
};

}  // namespace pgcaretaker::partition
