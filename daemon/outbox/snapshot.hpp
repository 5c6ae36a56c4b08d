// SPDX-License-Identifier: Apache-2.0
// An outbox as observed: plain data, no opinion.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/time.hpp"
#include "config/table_name.hpp"

namespace pgcaretaker::outbox {

enum class State { pending, done, dead };

[[nodiscard]] constexpr std::string_view state_text(State state) {
  switch (state) {
    case State::pending:
      return "pending";
    case State::done:
      return "done";
    case State::dead:
      break;
  }
  return "dead";
}

/// A table that holds rows itself: the outbox, or each leaf when it is partitioned.
struct Heap {
  config::TableName table;
  std::int64_t pages = 0;  // as of the last vacuum or analyze; 0 = never
  bool may_delete = true;  // the role has DELETE on it
  bool operator==(const Heap&) const = default;
};

/// Why a state could not be counted.
struct Obstacle {
  enum class Kind {
    bad_expression,  // the server (or expression_problem) does not accept the configured text
    no_privilege,
    locked,    // somebody holds ACCESS EXCLUSIVE
    too_slow,  // even the sample took longer than allowed
  };
  Kind kind = Kind::bad_expression;
  std::string key;      // configuration key at fault, for bad_expression
  std::string message;  // the server's words
  bool operator==(const Obstacle&) const = default;
};

struct StateCount {
  State state = State::pending;
  std::optional<std::int64_t> rows;  // nullopt = unknown, see obstacle
  bool rows_are_estimate = false;
  std::optional<double> oldest_seconds;  // nullopt = no row, or unknown; from a sample: at least
  std::optional<std::int64_t> due_rows;  // older than keep; nullopt = unknown, or pending
  bool due_is_estimate = false;
  std::optional<Obstacle> obstacle;
  bool operator==(const StateCount&) const = default;
};

enum class TableKind { missing, table, something_else };

struct Snapshot {
  UtcTime as_of;  // ages and cutoffs count from here
  std::string role;
  TableKind kind = TableKind::table;
  std::vector<Heap> heaps;
  std::vector<StateCount> states;  // the configured ones, in the order of State
  bool operator==(const Snapshot&) const = default;
};

}  // namespace pgcaretaker::outbox
