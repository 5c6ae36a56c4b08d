// SPDX-License-Identifier: Apache-2.0
// Typed access to libpq's text results.
#include "postgres/result.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>
#include <utility>

#include "postgres/error.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::pg {

namespace {

Error unexpected(const std::string& message) {
  return Error{Error::Kind::unexpected, message};
}

int column_index(const pg_result* result, std::string_view column) {
  // Not PQfnumber: that folds case and reads quotes.
  const int count = PQnfields(result);
  for (int index = 0; index < count; ++index) {
    if (column == PQfname(result, index)) return index;
  }
  throw unexpected(fmt::format("the answer has no column \"{}\"", column));
}

template <class T>
bool read_number(std::string_view text, T& value) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc{} && read.ptr == end;
}

bool read_value(std::string_view text, std::string& value) {
  value = text;
  return true;
}
bool read_value(std::string_view text, bool& value) {
  value = text == "t";
  return value || text == "f";
}
bool read_value(std::string_view text, int& value) {
  return read_number(text, value);
}
bool read_value(std::string_view text, std::int64_t& value) {
  return read_number(text, value);
}
bool read_value(std::string_view text, double& value) {
  return read_number(text, value);
}
bool read_value(std::string_view text, UtcTime& value) {
  const auto time = parse_timestamp(text);
  value = time.value_or(UtcTime{});
  return time.has_value();
}

template <class T>
constexpr std::string_view type_name = "";
template <>
constexpr std::string_view type_name<std::string> = "text";
template <>
constexpr std::string_view type_name<bool> = "a boolean";
template <>
constexpr std::string_view type_name<int> = "a 32-bit integer";
template <>
constexpr std::string_view type_name<std::int64_t> = "a 64-bit integer";
template <>
constexpr std::string_view type_name<double> = "a number";
template <>
constexpr std::string_view type_name<UtcTime> = "a finite date or time";

template <class T>
struct Reading {
  static T get(const Row& row, std::string_view column) {
    const std::string_view text = row.text(column);
    T value{};
    if (!read_value(text, value)) {
      throw unexpected(
          fmt::format("column \"{}\" is not {}: \"{}\"", column, type_name<T>, text.substr(0, 64)));
    }
    return value;
  }
};

template <class T>
struct Reading<std::optional<T>> {
  static std::optional<T> get(const Row& row, std::string_view column) {
    if (row.is_null(column)) return std::nullopt;
    return Reading<T>::get(row, column);
  }
};

}  // namespace

std::string_view Row::text(std::string_view column) const {
  const int index = column_index(result_->result_, column);
  if (PQgetisnull(result_->result_, index_, index) == 1) {
    throw unexpected(fmt::format("column \"{}\" is null", column));
  }
  return {PQgetvalue(result_->result_, index_, index),
          static_cast<std::size_t>(PQgetlength(result_->result_, index_, index))};
}

bool Row::is_null(std::string_view column) const {
  return PQgetisnull(result_->result_, index_, column_index(result_->result_, column)) == 1;
}

template <class T>
T Row::get(std::string_view column) const {
  return Reading<T>::get(*this, column);
}

template std::string Row::get<std::string>(std::string_view) const;
template bool Row::get<bool>(std::string_view) const;
template int Row::get<int>(std::string_view) const;
template std::int64_t Row::get<std::int64_t>(std::string_view) const;
template double Row::get<double>(std::string_view) const;
template UtcTime Row::get<UtcTime>(std::string_view) const;
template std::optional<std::string> Row::get<std::optional<std::string>>(std::string_view) const;
template std::optional<bool> Row::get<std::optional<bool>>(std::string_view) const;
template std::optional<int> Row::get<std::optional<int>>(std::string_view) const;
template std::optional<std::int64_t> Row::get<std::optional<std::int64_t>>(std::string_view) const;
template std::optional<double> Row::get<std::optional<double>>(std::string_view) const;
template std::optional<UtcTime> Row::get<std::optional<UtcTime>>(std::string_view) const;

Result::Result(pg_result* owned) : result_{owned} {}

Result::Result(Result&& other) noexcept : result_{std::exchange(other.result_, nullptr)} {}

Result& Result::operator=(Result&& other) noexcept {
  std::swap(result_, other.result_);
  return *this;
}

Result::~Result() {
  PQclear(result_);
}

int Result::size() const {
  return PQntuples(result_);
}

int Result::columns() const {
  return PQnfields(result_);
}

unsigned Result::type_of(int column) const {
  return PQftype(result_, column);
}

Row Result::only_row() const {
  if (size() != 1) {
    throw unexpected(fmt::format("the answer has {} rows where exactly one was expected", size()));
  }
  return row(0);
}

std::int64_t Result::affected() const {
  if (result_ == nullptr) return 0;
  // "INSERT 0 5" and "SELECT 5" alike; rows returned by a SELECT are not affected rows.
  const std::string_view tag = PQcmdStatus(result_);
  std::int64_t count = 0;
  if (!tag.starts_with("SELECT") && !tag.starts_with("FETCH")) {
    read_value(PQcmdTuples(result_), count);
  }
  return count;
}

}  // namespace pgcaretaker::pg
