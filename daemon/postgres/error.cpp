// SPDX-License-Identifier: Apache-2.0
// The words of an error, and what its SQLSTATE means to us.
#include "postgres/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pgcaretaker::pg {

namespace {

std::string describe(const std::string& message, const std::string& sqlstate,
                     const std::string& statement) {
  std::string where;
  if (!statement.empty()) where += "statement " + statement;
  if (!sqlstate.empty()) where += (where.empty() ? "SQLSTATE " : ", SQLSTATE ") + sqlstate;
  const std::string line = first_line(message);
  return where.empty() ? line : line + " (" + where + ")";
}

template <std::size_t N>
bool is_one_of(const std::string& sqlstate, const std::array<std::string_view, N>& known) {
  return std::ranges::find(known, sqlstate) != known.end();
}

}  // namespace

std::string first_line(std::string_view text) {
  return std::string{text.substr(0, text.find('\n'))};
}

Error::Error(Kind kind, std::string message, std::string sqlstate, std::string statement)
    : std::runtime_error{describe(message, sqlstate, statement)},
      kind_{kind},
      message_{first_line(message)},
      sqlstate_{std::move(sqlstate)},
      statement_{std::move(statement)} {}

bool Error::is_connection_lost() const noexcept {
  static constexpr std::array<std::string_view, 5> ended{"57P01", "57P02", "57P03", "57P04",
                                                         "57P05"};
  return kind_ == Kind::connection || sqlstate_.starts_with("08") || is_one_of(sqlstate_, ended);
}

bool Error::is_lock_timeout() const noexcept {
  return sqlstate_ == "55P03";
}

bool Error::is_statement_timeout() const noexcept {
  return sqlstate_ == "57014" || kind_ == Kind::deadline;
}

bool Error::is_deadlock() const noexcept {
  return sqlstate_ == "40P01";
}

bool Error::is_serialization_failure() const noexcept {
  return sqlstate_ == "40001";
}

bool Error::is_check_violation() const noexcept {
  return sqlstate_ == "23514";
}

bool Error::is_duplicate_object() const noexcept {
  static constexpr std::array<std::string_view, 2> duplicates{"42P07", "42710"};
  return is_one_of(sqlstate_, duplicates);
}

bool Error::is_undefined_object() const noexcept {
  static constexpr std::array<std::string_view, 5> undefined{"42P01", "42883", "42704", "42703",
                                                             "3F000"};
  return is_one_of(sqlstate_, undefined);
}

bool Error::is_insufficient_privilege() const noexcept {
  return sqlstate_ == "42501";
}

bool Error::is_too_many_connections() const noexcept {
  return sqlstate_ == "53300";
}

bool Error::is_transient() const noexcept {
  return is_lock_timeout() || is_deadlock() || is_serialization_failure() || is_statement_timeout();
}

}  // namespace pgcaretaker::pg
