// SPDX-License-Identifier: Apache-2.0
// Counts the rows in a COPY stream by its framing alone, and notices where the framing is broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgcaretaker::archive {

/// Of one stream, fed in pieces cut anywhere. Keeps nothing of the content. Pure.
class CopyCounter {
 public:
  CopyCounter() = default;
  virtual ~CopyCounter() = default;
  CopyCounter(const CopyCounter&) = delete;
  CopyCounter& operator=(const CopyCounter&) = delete;

  virtual void feed(std::string_view piece) = 0;
  /// Rows seen whole so far.
  [[nodiscard]] virtual std::int64_t rows() const = 0;
  /// What is wrong when the stream ends here; "" = it is complete.
  [[nodiscard]] virtual std::string fault() const = 0;
};

/// FORMAT binary: a header, then rows of fields that say their lengths, then a trailer.
class BinaryCounter final : public CopyCounter {
 public:
  /// Every row must have so many fields.
  explicit BinaryCounter(std::size_t columns) : columns_{columns} {}

  void feed(std::string_view piece) override;
  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::string fault() const override;

 private:
  enum class Expects { signature, flags, extension_length, extension, fields, length, value, end };

  void take_number();
  void begin(Expects what, std::size_t bytes);
  void end_field();

  std::size_t columns_;
  Expects expects_ = Expects::signature;
  std::size_t missing_ = 11;  // bytes until what is expected is complete
  std::string number_;        // bytes of a number or of the signature so far
  std::size_t fields_left_ = 0;
  std::int64_t rows_ = 0;
  std::string fault_;
};

/// FORMAT csv, HEADER: rows end at newlines outside of quotes; the first one names the columns.
class CsvCounter final : public CopyCounter {
 public:
  void feed(std::string_view piece) override;
  [[nodiscard]] std::int64_t rows() const override { return lines_ == 0 ? 0 : lines_ - 1; }
  [[nodiscard]] std::string fault() const override;

 private:
  bool in_quotes_ = false;
  bool in_line_ = false;  // something came after the last newline
  std::int64_t lines_ = 0;
};

}  // namespace pgcaretaker::archive
