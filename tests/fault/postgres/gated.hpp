// SPDX-License-Identifier: Apache-2.0
// A database behind a network that stalls, drops and resets.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "support/gate.hpp"
#include "support/scene.hpp"

namespace pgcaretaker::test {

inline unsigned short server_port() {
  return static_cast<unsigned short>(std::stoi(std::getenv("PGPORT")));
}

struct Gated : Scene {
  Gate gate{server_port()};

  [[nodiscard]] pg::ConnectOptions options() const {
    auto options = database.options();
    options.database.dsn = "host=127.0.0.1 port=" + std::to_string(gate.port()) +
                           " dbname=" + database.name() + " user=pgc_caretaker";
    return options;
  }
  Awaitable<std::unique_ptr<pg::Connection>> connect() {
    const auto options = this->options();
    co_return co_await pg::Connection::connect(options, canceller);
  }
};

}  // namespace pgcaretaker::test
