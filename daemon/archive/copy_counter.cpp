// SPDX-License-Identifier: Apache-2.0
// The two framings, as the documentation of COPY gives them.
#include "archive/copy_counter.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcaretaker::archive {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature = "PGCOPY\n\377\r\n\0"sv;
constexpr std::uint32_t null_length = 0xFFFFFFFF;
constexpr std::uint32_t trailer = 0xFFFF;

/// In network order, of two or four bytes.
std::uint32_t number_of(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

}  // namespace

void BinaryCounter::begin(Expects what, std::size_t bytes) {
  expects_ = what;
  missing_ = bytes;
  number_.clear();
}

void BinaryCounter::end_field() {
  --fields_left_;
  if (fields_left_ > 0) {
    begin(Expects::length, 4);
    return;
  }
  ++rows_;
  begin(Expects::fields, 2);
}

/// What was expected is complete.
void BinaryCounter::take_number() {
  const std::uint32_t number = number_of(number_);
  switch (expects_) {
    case Expects::signature:
      if (number_ != signature) fault_ = "it does not begin like a binary COPY";
      begin(Expects::flags, 4);
      break;
    case Expects::flags:
      begin(Expects::extension_length, 4);
      break;
    case Expects::extension_length:
      if (number > 0) {
        begin(Expects::extension, number);
      } else {
        begin(Expects::fields, 2);
      }
      break;
    case Expects::extension:
      begin(Expects::fields, 2);
      break;
    case Expects::fields:
      if (number == trailer) {
        begin(Expects::end, 0);
      } else if (number != columns_) {
        fault_ = fmt::format("row {} has {} fields instead of {}", rows_ + 1, number, columns_);
      } else {
        fields_left_ = number;
        begin(Expects::length, 4);
      }
      break;
    case Expects::length:
      if (number == null_length || number == 0) {
        end_field();
      } else {
        begin(Expects::value, number);
      }
      break;
    case Expects::value:
      end_field();
      break;
    case Expects::end:
      break;
  }
}

void BinaryCounter::feed(std::string_view piece) {
  while (!piece.empty() && fault_.empty()) {
    if (expects_ == Expects::end) {
      fault_ = "something follows its end";
      return;
    }
    const std::size_t taken = std::min(missing_, piece.size());
    if (expects_ != Expects::value && expects_ != Expects::extension) {
      number_ += piece.substr(0, taken);
    }
    piece.remove_prefix(taken);
    missing_ -= taken;
    if (missing_ == 0) take_number();
  }
}

std::string BinaryCounter::fault() const {
  if (!fault_.empty()) return fault_;
  if (expects_ == Expects::end) return "";
  return fmt::format("it ends in the middle, after {} rows", rows_);
}

void CsvCounter::feed(std::string_view piece) {
  // A quote inside a quoted value is doubled: two turns, and no newline between them.
  for (const char character : piece) {
    if (character == '"') {
      in_quotes_ = !in_quotes_;
    } else if (character == '\n' && !in_quotes_) {
      ++lines_;
    }
  }
  if (!piece.empty()) in_line_ = in_quotes_ || piece.back() != '\n';
}

std::string CsvCounter::fault() const {
  if (lines_ == 0) return "it lacks the line that names the columns";
  if (in_quotes_ || in_line_) return fmt::format("it ends in the middle, after {} rows", rows());
  return "";
}

}  // namespace pgcaretaker::archive
