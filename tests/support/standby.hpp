// SPDX-License-Identifier: Apache-2.0
// What a standby leaves on its primary.
#pragma once

#include <string>

namespace pgcaretaker::test {

/// A physical replication slot that holds back what is older than now, for the queries of a standby
/// that has sent its feedback (hot_standby_feedback) and is gone. Throws std::runtime_error.
class StandbySlot {
 public:
  explicit StandbySlot(std::string name);
  ~StandbySlot();
  StandbySlot(const StandbySlot&) = delete;

  void drop() const;

 private:
  std::string name_;
};

}  // namespace pgcaretaker::test
