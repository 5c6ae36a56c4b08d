// SPDX-License-Identifier: Apache-2.0
// What this process writes to stderr, the log among it.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace pgcaretaker::test {

/// Takes stderr for as long as it lives.
class Stderr {
 public:
  Stderr() { dup2(fileno(file_), STDERR_FILENO); }
  ~Stderr() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    std::fclose(file_);
  }
  Stderr(const Stderr&) = delete;

  /// All of it so far.
  [[nodiscard]] std::string text() const {
    std::string text(static_cast<std::size_t>(lseek(fileno(file_), 0, SEEK_END)), '\0');
    const auto size = pread(fileno(file_), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  }

 private:
  int before_ = dup(STDERR_FILENO);
  std::FILE* file_ = std::tmpfile();
};

}  // namespace pgcaretaker::test
