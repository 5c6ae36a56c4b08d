// SPDX-License-Identifier: Apache-2.0
// The door to libzstd.
#include "archive/packed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "archive/digest.hpp"
#include "archive/error.hpp"
#include "archive/files.hpp"

namespace pgcaretaker::archive {

namespace {

/// So much may wait in memory for the disk: the last fsync is short then.
constexpr std::int64_t unsynced_bytes = std::int64_t{64} << 20;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

std::size_t checked(std::size_t result, const std::string& path) {
  if (ZSTD_isError(result) != 0) {
    throw Error{fmt::format("{} is damaged: zstd says: {}", path, ZSTD_getErrorName(result))};
  }
  return result;
}

/// What is counted and hashed on either way.
struct Measured {
  Measured(const std::string& folder, std::string name, FileFormat format, std::size_t columns)
      : path{folder + '/' + name}, counter{make_counter(format, columns)} {
    facts.name = std::move(name);
    facts.format = format;
  }

  void plain(std::string_view bytes) {
    counter->feed(bytes);
    digest.update(bytes);
    facts.bytes += static_cast<std::int64_t>(bytes.size());
    facts.rows = counter->rows();
  }
  void packed(std::string_view bytes) {
    packed_digest.update(bytes);
    facts.compressed_bytes += static_cast<std::int64_t>(bytes.size());
  }
  FileFacts finish() {
    if (const std::string fault = counter->fault(); !fault.empty()) {
      throw Error{fmt::format("{} holds no complete COPY: {}", path, fault)};
    }
    facts.sha256 = digest.hex();
    facts.compressed_sha256 = packed_digest.hex();
    return facts;
  }

  std::string path;
  std::unique_ptr<CopyCounter> counter;
  Digest digest;
  Digest packed_digest;
  FileFacts facts;
};

}  // namespace

std::unique_ptr<CopyCounter> make_counter(FileFormat format, std::size_t columns) {
  if (format == FileFormat::binary) return std::make_unique<BinaryCounter>(columns);
  return std::make_unique<CsvCounter>();
}

class PackedWriter::Impl {
 public:
  Impl(const std::string& folder, std::string name, FileFormat format, std::size_t columns,
       int level)
      : measured_{folder, std::move(name), format, columns},
        file_{Descriptor::open(measured_.path, O_WRONLY | O_CREAT | O_EXCL, "write")},
        context_{ZSTD_createCCtx()},
        buffer_(ZSTD_CStreamOutSize()) {
    if (!context_) throw Error{"zstd has no memory"};
    set(ZSTD_c_compressionLevel, level);
    set(ZSTD_c_checksumFlag, 1);
  }

  void append(std::string_view piece) {
    measured_.plain(piece);
    push(piece, ZSTD_e_continue);
    if (measured_.facts.compressed_bytes - synced_ > unsynced_bytes) {
      sync();
      synced_ = measured_.facts.compressed_bytes;
    }
  }

  FileFacts finish() {
    push({}, ZSTD_e_end);
    FileFacts facts = measured_.finish();
    sync();
    ::posix_fadvise(file_.number(), 0, 0, POSIX_FADV_DONTNEED);
    return facts;
  }

  [[nodiscard]] const FileFacts& facts() const { return measured_.facts; }

 private:
  void set(ZSTD_cParameter parameter, int value) {
    checked(ZSTD_CCtx_setParameter(context_.get(), parameter, value), measured_.path);
  }

  void push(std::string_view piece, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    std::size_t left = 1;
    while (in.pos < in.size || (how == ZSTD_e_end && left > 0)) {
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      left = checked(ZSTD_compressStream2(context_.get(), &out, &in, how), measured_.path);
      write({buffer_.data(), out.pos});
    }
  }

  void write(std::string_view bytes) {
    measured_.packed(bytes);
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.number(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write", measured_.path, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void sync() {
    if (::fsync(file_.number()) != 0) fail("write", measured_.path, errno);
  }

  Measured measured_;
  Descriptor file_;
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
  std::vector<char> buffer_;
  std::int64_t synced_ = 0;
};

class PackedReader::Impl {
 public:
  Impl(const std::string& folder, std::string name, FileFormat format, std::size_t columns)
      : measured_{folder, std::move(name), format, columns},
        file_{Descriptor::open(measured_.path, O_RDONLY, "read")},
        context_{ZSTD_createDCtx()},
        buffer_(ZSTD_DStreamInSize()) {
    if (!context_) throw Error{"zstd has no memory"};
  }

  std::string_view read(std::size_t bytes) {
    piece_.resize(bytes);
    ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
    while (out.pos < out.size) {
      const std::size_t before = out.pos;
      if (in_.pos == in_.size) fill();
      if (has_ended_ && in_.size == 0 && !is_in_frame_) break;
      is_in_frame_ =
          checked(ZSTD_decompressStream(context_.get(), &out, &in_), measured_.path) != 0;
      if (has_ended_ && is_in_frame_ && out.pos == before && in_.pos == in_.size) {
        throw Error{fmt::format("{} is cut off", measured_.path)};
      }
    }
    const std::string_view piece{piece_.data(), out.pos};
    measured_.plain(piece);
    return piece;
  }

  FileFacts finish() { return measured_.finish(); }
  [[nodiscard]] const FileFacts& facts() const { return measured_.facts; }

 private:
  void fill() {
    ssize_t size = 0;
    do {
      size = ::read(file_.number(), buffer_.data(), buffer_.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) fail("read", measured_.path, errno);
    has_ended_ = size == 0;
    in_ = ZSTD_inBuffer{buffer_.data(), static_cast<std::size_t>(size), 0};
    measured_.packed({buffer_.data(), static_cast<std::size_t>(size)});
  }

  Measured measured_;
  Descriptor file_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  std::vector<char> buffer_;
  std::string piece_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool has_ended_ = false;
  bool is_in_frame_ = false;
};

PackedWriter::PackedWriter(const std::string& folder, std::string name, FileFormat format,
                           std::size_t columns, int level)
    : impl_{std::make_unique<Impl>(folder, std::move(name), format, columns, level)} {}
PackedWriter::~PackedWriter() = default;
void PackedWriter::append(std::string_view piece) {
  impl_->append(piece);
}
FileFacts PackedWriter::finish() {
  return impl_->finish();
}
const FileFacts& PackedWriter::facts() const {
  return impl_->facts();
}

PackedReader::PackedReader(const std::string& folder, std::string name, FileFormat format,
                           std::size_t columns)
    : impl_{std::make_unique<Impl>(folder, std::move(name), format, columns)} {}
PackedReader::~PackedReader() = default;
std::string_view PackedReader::read(std::size_t bytes) {
  return impl_->read(bytes);
}
FileFacts PackedReader::finish() {
  return impl_->finish();
}
const FileFacts& PackedReader::facts() const {
  return impl_->facts();
}

std::string packing_library() {
  return fmt::format("zstd {}", ZSTD_versionString());
}

}  // namespace pgcaretaker::archive
