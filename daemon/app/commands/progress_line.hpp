// SPDX-License-Identifier: Apache-2.0
// How far long work has come, on a terminal.
#pragma once

#include <string>

namespace pgcaretaker::app {

/// Rewrites one line of stderr where that is a terminal, and takes it away in the end.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const std::string& text);
  /// Takes it away until the next show().
  void clear();

 private:
  bool on_terminal_;
  bool is_shown_ = false;
};

}  // namespace pgcaretaker::app
