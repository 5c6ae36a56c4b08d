// SPDX-License-Identifier: Apache-2.0
// Slices of reading, and the comparison at the end.
#include "archive/verify.hpp"

#include <fmt/format.h>

#include "archive/background.hpp"

namespace pgcaretaker::archive {

namespace {

constexpr std::size_t slice_bytes = std::size_t{4} << 20;

struct Slice {
  bool has_ended = false;
  FileFacts so_far;
};

Slice read_slice(PackedReader& reader) {
  if (!reader.read(slice_bytes).empty()) return {false, reader.facts()};
  return {true, reader.finish()};
}

void compare(const FileFacts& claimed, const FileFacts& found, std::vector<std::string>& faults) {
  const auto differs = [&](std::string_view what, const auto& says, const auto& is) {
    if (says != is) {
      faults.push_back(fmt::format("{}: {} should be {}, is {}", claimed.name, what, says, is));
    }
  };
  differs("compressed bytes", claimed.compressed_bytes, found.compressed_bytes);
  differs("SHA-256 of the file", claimed.compressed_sha256, found.compressed_sha256);
  differs("bytes", claimed.bytes, found.bytes);
  differs("SHA-256 of the data", claimed.sha256, found.sha256);
  differs("rows", claimed.rows, found.rows);
}

}  // namespace

Awaitable<SharedReader> open_reader(pg::SideThread& thread, const std::string& folder,
                                    const FileFacts& file, std::size_t columns) {
  std::function<SharedReader()> open = [folder, name = file.name, format = file.format, columns] {
    return std::make_shared<PackedReader>(folder, name, format, columns);
  };
  co_return co_await in_background(thread, std::move(open));
}

Awaitable<std::vector<std::string>> verify(pg::SideThread& thread, const std::string& folder,
                                           const Manifest& manifest, Progress progress,
                                           const OnProgress& on_progress) {
  std::vector<std::string> faults;
  const std::size_t columns = manifest.copied_columns().size();
  if (manifest.file(FileFormat::binary) == nullptr) {
    faults.emplace_back("it names no binary file");
  }
  const std::int64_t rows_before = progress.rows_done;
  std::int64_t files_done = 0;
  for (const FileFacts& file : manifest.files) {
    if (file.rows != manifest.rows) {
      faults.push_back(
          fmt::format("{}: has {} rows, the table had {}", file.name, file.rows, manifest.rows));
    }
    progress.stage = "reading back " + file.name;
    try {
      const SharedReader reader = co_await open_reader(thread, folder, file, columns);
      std::function<Slice()> read = [reader] { return read_slice(*reader); };
      Slice slice;
      while (!slice.has_ended) {
        slice = co_await in_background(thread, read);
        progress.rows_done = rows_before + files_done * manifest.rows + slice.so_far.rows;
        progress.bytes_packed = slice.so_far.compressed_bytes;
        if (on_progress) on_progress(progress);
      }
      compare(file, slice.so_far, faults);
    } catch (const Error& error) {
      faults.emplace_back(error.what());
    }
    ++files_done;
  }
  co_return faults;
}

}  // namespace pgcaretaker::archive
