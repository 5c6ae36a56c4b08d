// SPDX-License-Identifier: Apache-2.0
// System calls with their errors put into words.
#include "archive/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "archive/error.hpp"
#include "archive/location.hpp"

namespace pgcaretaker::archive {

namespace {

/// Far above any manifest.
constexpr std::size_t largest_small_file = std::size_t{64} << 20;

std::string advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return ": make room there, or point archive.directory elsewhere";
    case EACCES:
    case EPERM:
      return ": the daemon's user must be able to write there";
    case EROFS:
      return ": under systemd see StateDirectory= and ReadWritePaths=";
    case ENOENT:
    case ENOTDIR:
      return ": archive.directory must be there";
    default:
      return "";
  }
}

/// Gives what root has just made in `folder` to whom that belongs.
void hand_over(const Descriptor& made, const std::string& path, const std::string& folder) {
  if (::geteuid() != 0) return;
  struct stat of_folder {};
  struct stat of_made {};
  if (::stat(folder.c_str(), &of_folder) != 0) fail("look into", folder, errno);
  if (::fstat(made.number(), &of_made) != 0) fail("look into", path, errno);
  // What is there already and is not root's is nobody's business.
  if (of_made.st_uid != 0 || of_folder.st_uid == 0) return;
  if (::fchown(made.number(), of_folder.st_uid, of_folder.st_gid) != 0) {
    fail("give away", path, errno);
  }
}

}  // namespace

void fail(std::string_view what, const std::string& path, int error) {
  throw Error{fmt::format("cannot {} {}: {}{}", what, path, std::generic_category().message(error),
                          advice(error))};
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_{other.number_} {
  other.number_ = -1;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Descriptor Descriptor::open(const std::string& path, int flags, std::string_view what) {
  constexpr mode_t ours_alone = 0600;
  const int number = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, ours_alone);
  if (number < 0) fail(what, path, errno);
  Descriptor opened{number};
  if ((flags & O_CREAT) != 0)
    hand_over(opened, path, std::filesystem::path{path}.parent_path().string());
  return opened;
}

void make_folder(const std::string& directory, const std::string& folder) {
  constexpr mode_t ours_alone = 0700;
  const std::string path = directory + '/' + folder;
  if (::mkdir(path.c_str(), ours_alone) != 0 && errno != EEXIST) {
    fail("make the folder", path, errno);
  }
  if (::geteuid() == 0) {
    const auto made = Descriptor::open(path, O_RDONLY | O_DIRECTORY, "open the folder");
    hand_over(made, path, directory);
  }
  // Also when it was there: who made it may have been killed before this.
  sync_folder(directory);
}

std::shared_ptr<Descriptor> lock_folder(const std::string& folder) {
  auto lock = std::make_shared<Descriptor>(
      Descriptor::open(folder, O_RDONLY | O_DIRECTORY, "open the folder"));
  if (::flock(lock->number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail("lock the folder", folder, errno);
    throw Interruption{fmt::format("another pgcaretaker is writing an archive into {}", folder)};
  }
  return lock;
}

void remove_partial(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{folder, error}) {
    if (!entry.path().filename().string().starts_with(partial_prefix)) continue;
    std::filesystem::remove_all(entry.path(), error);
    if (error) fail("remove", entry.path().string(), error.value());
  }
  if (error) fail("look into", folder, error.value());
}

void write_file(const std::string& path, std::string_view text) {
  const auto file = Descriptor::open(path, O_WRONLY | O_CREAT | O_EXCL, "write");
  while (!text.empty()) {
    const ssize_t written = ::write(file.number(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.number()) != 0) fail("write", path, errno);
}

std::string read_file(const std::string& path) {
  const auto file = Descriptor::open(path, O_RDONLY, "read");
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.size() < largest_small_file) {
    const ssize_t size = ::read(file.number(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail("read", path, errno);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  throw Error{fmt::format("{} is too large to be a manifest", path)};
}

std::vector<std::string> folders_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{directory, error}) {
    std::string name = entry.path().filename().string();
    std::error_code dangling;
    if (!name.starts_with('.') && entry.is_directory(dangling)) names.push_back(std::move(name));
  }
  if (error) fail("look into", directory, error.value());
  std::ranges::sort(names);
  return names;
}

void publish(const std::string& from, const std::string& to) {
  // Onto an empty folder rename() would succeed.
  if (exists(to)) fail("make", to, EEXIST);
  if (std::rename(from.c_str(), to.c_str()) != 0) fail("make", to, errno);
}

void sync_folder(const std::string& path) {
  const auto folder = Descriptor::open(path, O_RDONLY | O_DIRECTORY, "open the folder");
  if (::fsync(folder.number()) != 0) fail("write the folder", path, errno);
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

}  // namespace pgcaretaker::archive
