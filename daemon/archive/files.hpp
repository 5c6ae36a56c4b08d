// SPDX-License-Identifier: Apache-2.0
// The file operations of archives. Each blocks, so it is run beside the loop; each failure is one
// line. What root makes belongs to whom the folder belongs that it lies in, and so all of it to the
// owner of archive.directory: the daemon must be able to go on with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pgcaretaker::archive {

/// "cannot write PATH: No space left on device", thrown as Error.
[[noreturn]] void fail(std::string_view what, const std::string& path, int error);

/// An open descriptor that is closed again.
class Descriptor {
 public:
  /// Throws Error. With O_CREAT the file is new (O_EXCL), and is made with mode 600.
  static Descriptor open(const std::string& path, int flags, std::string_view what);
  explicit Descriptor(int number) : number_{number} {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// Makes `folder` (mode 700, one level; it may be there) below `directory`, which must be there,
/// and sees to it that it survives a crash.
void make_folder(const std::string& directory, const std::string& folder);

/// While it lives nobody else writes archives into `folder`. Throws Error when somebody does.
[[nodiscard]] std::shared_ptr<Descriptor> lock_folder(const std::string& folder);

/// Removes what an interrupted write has left in `folder`; only under its lock.
void remove_partial(const std::string& folder);

/// Writes a small file (mode 600) that must not be there, and its data to the disk.
void write_file(const std::string& path, std::string_view text);

/// The whole of a small file.
[[nodiscard]] std::string read_file(const std::string& path);

/// Names of the entries of a folder that are folders themselves, sorted, without what begins with a
/// dot.
[[nodiscard]] std::vector<std::string> folders_in(const std::string& directory);

/// Gives what is complete its name; it must be free. `from` and `to` lie in the same folder.
void publish(const std::string& from, const std::string& to);

/// Brings a folder's entries to the disk.
void sync_folder(const std::string& path);

[[nodiscard]] bool exists(const std::string& path);

}  // namespace pgcaretaker::archive
