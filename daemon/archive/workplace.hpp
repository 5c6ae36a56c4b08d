// SPDX-License-Identifier: Apache-2.0
// What tasks that archive share: where to, as whom, and that only one does at a time.
#pragma once

#include <memory>
#include <string>

#include "config/settings.hpp"

namespace pgcaretaker::archive {

/// Whose turn it is; one for the process, whatever is configured anew.
struct Turn {
  bool is_taken = false;
};

/// Takes a turn that is free, for as long as it lives.
class TurnMark {
 public:
  explicit TurnMark(std::shared_ptr<Turn> turn) : turn_{std::move(turn)} { turn_->is_taken = true; }
  ~TurnMark() { turn_->is_taken = false; }
  TurnMark(const TurnMark&) = delete;
  TurnMark& operator=(const TurnMark&) = delete;

 private:
  std::shared_ptr<Turn> turn_;
};

struct Workplace {
  config::Archive settings{};
  std::string version{};  // of pgcaretaker
  std::shared_ptr<Turn> turn = std::make_shared<Turn>();
};

}  // namespace pgcaretaker::archive
