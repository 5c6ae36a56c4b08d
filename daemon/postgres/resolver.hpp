// SPDX-License-Identifier: Apache-2.0
// Host names to addresses without blocking the loop: libpq itself would block it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "postgres/side_thread.hpp"

namespace pgcaretaker::pg {

struct Found {
  std::vector<std::string> addresses;  // numeric, in the order of getaddrinfo, each once
  std::string problem;                 // why there are none
};

/// Runs on side threads: owns what it uses and throws nothing.
using LookUp = std::function<Found(const std::string& host)>;

/// getaddrinfo, which blocks for as long as the name service does.
[[nodiscard]] Found look_up(const std::string& host);

/// True for what needs no name service: 10.0.0.1, ::1, fe80::1%eth0.
[[nodiscard]] bool is_numeric_address(const std::string& host);

class Resolver {
 public:
  explicit Resolver(LookUp look_up) : look_up_{std::move(look_up)} {}

  /// At least one address. Throws Error(connection) `cannot resolve host "db1": ...`, also when
  /// `deadline` comes first. Each name has a thread of its own while it is looked up: one that
  /// hangs delays no other, and there are never more threads than names.
  Awaitable<std::vector<std::string>> resolve(std::string host, SteadyTime deadline);

 private:
  LookUp look_up_;
  std::map<std::string, SideThread> threads_;
};

}  // namespace pgcaretaker::pg
