// SPDX-License-Identifier: Apache-2.0
// One error type for everything PostgreSQL or the way to it can answer, with predicates.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pgcaretaker::pg {

/// Thrown by postgres/. what() is one line without secrets: message, statement name, SQLSTATE.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    refused,     // the server refused a statement; the connection is still usable unless is_fatal()
    connection,  // no connection could be made, or the one there was is gone
    deadline,    // our own deadline passed; the connection was drained or dropped
    unexpected,  // the answer was not what the statement must give (row count, type)
  };

  Error(Kind kind, std::string message, std::string sqlstate = {}, std::string statement = {});

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Five characters, or empty when the server did not say (e.g. no connection).
  [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
  [[nodiscard]] const std::string& statement() const noexcept { return statement_; }
  /// The server's own words, first line only.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// DETAIL and HINT where the server gave them, for findings; may hold data values.
  std::string detail;
  std::string hint;

  [[nodiscard]] bool is_connection_lost() const noexcept;    // kind connection, 08*, 57P01..57P05
  [[nodiscard]] bool is_lock_timeout() const noexcept;       // 55P03
  [[nodiscard]] bool is_statement_timeout() const noexcept;  // 57014 and kind deadline
  [[nodiscard]] bool is_deadlock() const noexcept;           // 40P01
  [[nodiscard]] bool is_serialization_failure() const noexcept;  // 40001
  [[nodiscard]] bool is_check_violation() const noexcept;        // 23514
  [[nodiscard]] bool is_duplicate_object() const noexcept;       // 42P07, 42710
  [[nodiscard]] bool is_undefined_object() const noexcept;  // 42P01, 42883, 42704, 42703, 3F000
  [[nodiscard]] bool is_insufficient_privilege() const noexcept;  // 42501
  [[nodiscard]] bool is_too_many_connections() const noexcept;    // 53300
  /// Worth the same try again soon: lock timeout, deadlock, serialization failure, statement
  /// timeout.
  [[nodiscard]] bool is_transient() const noexcept;

 private:
  Kind kind_;
  std::string message_;
  std::string sqlstate_;
  std::string statement_;
};

/// All of `text` before its first line feed.
[[nodiscard]] std::string first_line(std::string_view text);

}  // namespace pgcaretaker::pg
