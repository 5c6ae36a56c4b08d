// SPDX-License-Identifier: Apache-2.0
// What a test of postgres/ needs around it: a loop, a canceller, a database, and errors as values.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "postgres/canceller.hpp"
#include "postgres/connection.hpp"
#include "support/database.hpp"
#include "support/run.hpp"

namespace pgcaretaker::test {

struct Scene {
  explicit Scene(const std::string& options = "") : database{options} {}

  TestDatabase database;
  asio::io_context loop;
  pg::Canceller canceller;

  /// Runs the lambda coroutine `body` to its end.
  void run(const std::function<Awaitable<void>()>& body) { test::run(loop, body()); }

  Awaitable<std::unique_ptr<pg::Connection>> connect() {
    return pg::Connection::connect(database.options(), canceller);
  }
};

/// Descriptors that this process has open now.
inline long open_descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return std::distance(begin(all), end(all));
}

/// The pg::Error that `operation` throws; nullopt when it throws none.
template <class T>
Awaitable<std::optional<pg::Error>> failure_of(Awaitable<T> operation) {
  try {
    co_await std::move(operation);
  } catch (const pg::Error& error) {
    co_return error;
  }
  co_return std::nullopt;
}

}  // namespace pgcaretaker::test
