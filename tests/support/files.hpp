// SPDX-License-Identifier: Apache-2.0
// Small files that tests need for a moment.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace pgcaretaker::test {

/// A file with mode 600 that is removed again.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_{(std::filesystem::temp_directory_path() / "pgcaretaker-test-XXXXXX").string()} {
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0) throw std::runtime_error{"no temporary file"};
    close(descriptor);
    std::ofstream{path_} << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Puts `text` in front of what the file holds.
inline void prepend(const std::string& path, const std::string& text) {
  std::string content;
  {
    std::ifstream file{path};
    content.assign(std::istreambuf_iterator<char>{file}, {});
  }
  std::ofstream{path} << text << content;
}

}  // namespace pgcaretaker::test
