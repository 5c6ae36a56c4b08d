// SPDX-License-Identifier: Apache-2.0
// Error: its one line, and what each SQLSTATE means.
#include "postgres/error.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace pgcaretaker {

namespace {

using Kind = pg::Error::Kind;

/// The names of all predicates that hold, in the order of the header.
std::string predicates(const pg::Error& error) {
  std::string names;
  const auto add = [&](bool holds, const char* name) {
    if (holds) names += names.empty() ? name : std::string{" "} + name;
  };
  add(error.is_connection_lost(), "lost");
  add(error.is_lock_timeout(), "lock");
  add(error.is_statement_timeout(), "timeout");
  add(error.is_deadlock(), "deadlock");
  add(error.is_serialization_failure(), "serialization");
  add(error.is_check_violation(), "check");
  add(error.is_duplicate_object(), "duplicate");
  add(error.is_undefined_object(), "undefined");
  add(error.is_insufficient_privilege(), "privilege");
  add(error.is_too_many_connections(), "many");
  add(error.is_transient(), "transient");
  return names;
}

struct Meaning {
  const char* sqlstate;
  const char* predicates;
};

}  // namespace

TEST_CASE("each SQLSTATE answers to its predicates and to no other") {
  static constexpr std::array<Meaning, 24> meanings{{{"08006", "lost"},
                                                     {"08P01", "lost"},
                                                     {"57P01", "lost"},
                                                     {"57P02", "lost"},
                                                     {"57P03", "lost"},
                                                     {"57P04", "lost"},
                                                     {"57P05", "lost"},
                                                     {"55P03", "lock transient"},
                                                     {"57014", "timeout transient"},
                                                     {"40P01", "deadlock transient"},
                                                     {"40001", "serialization transient"},
                                                     {"23514", "check"},
                                                     {"42P07", "duplicate"},
                                                     {"42710", "duplicate"},
                                                     {"42P01", "undefined"},
                                                     {"42883", "undefined"},
                                                     {"42704", "undefined"},
                                                     {"42703", "undefined"},
                                                     {"3F000", "undefined"},
                                                     {"42501", "privilege"},
                                                     {"53300", "many"},
                                                     {"23505", ""},
                                                     {"42601", ""},
                                                     {"", ""}}};
  for (const Meaning& meaning : meanings) {
    CAPTURE(meaning.sqlstate);
    const pg::Error error{Kind::refused, "refused", meaning.sqlstate};
    CHECK(predicates(error) == meaning.predicates);
  }
}

TEST_CASE("the kind alone says that a connection is lost or a deadline has passed") {
  CHECK(predicates(pg::Error{Kind::connection, "gone"}) == "lost");
  CHECK(predicates(pg::Error{Kind::connection, "full", "53300"}) == "lost many");
  CHECK(predicates(pg::Error{Kind::deadline, "late"}) == "timeout transient");
  CHECK(predicates(pg::Error{Kind::unexpected, "odd"}).empty());
}

TEST_CASE("what() is one line with the statement's name and the SQLSTATE where there are any") {
  CHECK(std::string{pg::Error{Kind::refused, "no such table", "42P01", "partition.list"}.what()} ==
        "no such table (statement partition.list, SQLSTATE 42P01)");
  CHECK(std::string{pg::Error{Kind::refused, "no such table", "42P01"}.what()} ==
        "no such table (SQLSTATE 42P01)");
  CHECK(std::string{pg::Error{Kind::deadline, "no answer", "", "x"}.what()} ==
        "no answer (statement x)");
  CHECK(std::string{pg::Error{Kind::connection, "gone"}.what()} == "gone");
  const pg::Error long_error{Kind::refused, "first\nsecond\nthird", "XX000"};
  CHECK(std::string{long_error.what()} == "first (SQLSTATE XX000)");
  CHECK(long_error.message() == "first");
}

}  // namespace pgcaretaker
