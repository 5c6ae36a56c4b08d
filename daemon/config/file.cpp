// SPDX-License-Identifier: Apache-2.0
// Reading a file with a reason when it fails.
#include "config/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

constexpr std::size_t chunk_bytes = 16UL * 1024;

/// Closes on every way out.
class OpenFile {
 public:
  // Non-blocking, or opening a FIFO would wait for a writer for ever.
  explicit OpenFile(const std::string& path)
      : fd_{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)} {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

std::string system_words() {
  return std::generic_category().message(errno);
}

}  // namespace

std::string read_file(const std::string& path, std::size_t most_bytes, std::string& fault) {
  const OpenFile file{path};
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    fault = fmt::format("cannot read {}: {}", shown(path), system_words());
    return "";
  }
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) {  // a device may be /dev/null
    fault = fmt::format("cannot read {}: not a file", shown(path));
    return "";
  }
  std::string text;
  std::array<char, chunk_bytes> chunk{};
  while (text.size() <= most_bytes) {
    const ssize_t count = ::read(file.fd(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      fault = fmt::format("cannot read {}: {}", shown(path), system_words());
      return "";
    }
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  fault = fmt::format("cannot read {}: more than {} KiB", shown(path), most_bytes / 1024);
  return "";
}

}  // namespace pgcaretaker::config
