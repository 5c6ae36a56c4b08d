// SPDX-License-Identifier: Apache-2.0
// A data file of an archive: one zstd frame with its checksum, written and read in pieces. Blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "archive/copy_counter.hpp"
#include "archive/manifest.hpp"

namespace pgcaretaker::archive {

/// The counter that fits a format.
[[nodiscard]] std::unique_ptr<CopyCounter> make_counter(FileFormat format, std::size_t columns);

/// Writes; memory is zstd's for the level and two small buffers. Throws Error.
class PackedWriter {
 public:
  /// Makes `folder`/`name`, which must not be there.
  PackedWriter(const std::string& folder, std::string name, FileFormat format, std::size_t columns,
               int level);
  ~PackedWriter();
  PackedWriter(const PackedWriter&) = delete;
  PackedWriter& operator=(const PackedWriter&) = delete;

  void append(std::string_view piece);
  /// Ends the frame and brings everything to the disk, out of the memory too, so that reading back
  /// reads the disk. Throws as well when the stream was no complete COPY.
  [[nodiscard]] FileFacts finish();
  /// So far.
  [[nodiscard]] const FileFacts& facts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads; memory is bounded by the window of the frame, 128 MiB at most. Throws Error.
class PackedReader {
 public:
  PackedReader(const std::string& folder, std::string name, FileFormat format, std::size_t columns);
  ~PackedReader();
  PackedReader(const PackedReader&) = delete;
  PackedReader& operator=(const PackedReader&) = delete;

  /// The next `bytes` or so of the stream; valid until the next call; empty = it has ended.
  [[nodiscard]] std::string_view read(std::size_t bytes);
  /// At the end: what the file holds. Throws when the stream is no complete COPY.
  [[nodiscard]] FileFacts finish();
  /// So far.
  [[nodiscard]] const FileFacts& facts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "zstd 1.5.4", the one that is linked.
[[nodiscard]] std::string packing_library();

}  // namespace pgcaretaker::archive
