// SPDX-License-Identifier: Apache-2.0
// What a session must still be able to do after whatever a test did to it.
#pragma once

#include <doctest/doctest.h>

#include "postgres/connection.hpp"

namespace pgcaretaker::test {

/// Fails when an answer of an earlier statement is still in the line.
inline Awaitable<void> check_usable(pg::Connection& connection, int number) {
  const pg::Result result = co_await connection.query("usable", "SELECT $1::int AS n", number);
  CHECK(result.only_row().get<int>("n") == number);
}

}  // namespace pgcaretaker::test
