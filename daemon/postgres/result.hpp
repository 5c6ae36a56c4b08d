// SPDX-License-Identifier: Apache-2.0
// The answer of one statement: owned rows, read by column name into C++ types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/time.hpp"

struct pg_result;

namespace pgcaretaker::pg {

class Result;

/// One row of a Result; valid as long as the Result is. Copy values out before the next co_await.
class Row {
 public:
  Row(const Result& result, int index) : result_{&result}, index_{index} {}

  /// The column's text; throws Error(unexpected) when it is null or not there.
  [[nodiscard]] std::string_view text(std::string_view column) const;
  [[nodiscard]] bool is_null(std::string_view column) const;

  /// T: std::string, bool, int, std::int64_t, double, UtcTime, or std::optional of one of them
  /// (null gives nullopt). Throws Error(unexpected) naming the column when the text does not fit T.
  template <class T>
  [[nodiscard]] T get(std::string_view column) const;

 private:
  const Result* result_;
  int index_;
};

class Result {
 public:
  Result() = default;
  explicit Result(pg_result* owned);
  Result(Result&&) noexcept;
  Result& operator=(Result&&) noexcept;
  ~Result();

  [[nodiscard]] int size() const;  // rows returned
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] Row row(int index) const { return Row{*this, index}; }
  /// The only row; throws Error(unexpected) unless there is exactly one.
  [[nodiscard]] Row only_row() const;
  /// Rows inserted, updated or deleted; 0 for other commands.
  [[nodiscard]] std::int64_t affected() const;
  [[nodiscard]] int columns() const;
  /// Type OID of a column, e.g. 23 for integer.
  [[nodiscard]] unsigned type_of(int column) const;

  class Iterator {
   public:
    Iterator(const Result& result, int index) : result_{&result}, index_{index} {}
    Row operator*() const { return Row{*result_, index_}; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Result* result_;
    int index_;
  };
  /// Loop only over a named Result, never over the temporary of a co_await.
  [[nodiscard]] Iterator begin() const& { return Iterator{*this, 0}; }
  [[nodiscard]] Iterator end() const& { return Iterator{*this, size()}; }

 private:
  friend class Link;
  friend class Row;
  pg_result* result_ = nullptr;
};

}  // namespace pgcaretaker::pg
