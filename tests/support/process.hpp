// SPDX-License-Identifier: Apache-2.0
// The pgcaretaker binary as a child process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace pgcaretaker::test {

/// Starts the binary that $PGCARETAKER_BINARY names; its output goes to `output_file`. The
/// destructor kills what still runs.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const std::string& output_file);
  ~Process();
  Process(const Process&) = delete;

  void signal(int number) const;
  /// Exit status, or 128 + the signal that ended it. Blocks.
  int wait();

 private:
  pid_t pid_;
};

/// A directory of its own, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  /// Writes `text` into the file `name` and returns its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string read(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace pgcaretaker::test
