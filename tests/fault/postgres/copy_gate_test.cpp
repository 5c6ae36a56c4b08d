// SPDX-License-Identifier: Apache-2.0
// A COPY through a network that stalls, drops and resets: an error in time, and never half a COPY.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>

#include "gated.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using Action = test::Gate::Action;
using Direction = test::Gate::Direction;
using test::Gated;

constexpr std::size_t row_bytes = 102;
constexpr std::int64_t rows = 20000;

/// Through the gate.
Awaitable<std::unique_ptr<pg::Connection>> connect(Gated& gated) {
  auto options = gated.options();
  options.database.statement_timeout = 2s;  // also how long the end of a COPY may take
  co_return co_await pg::Connection::connect(options, gated.canceller);
}

/// One COPY of 2 MB in `direction`, with the network broken after `bytes`.
Awaitable<std::optional<pg::Error>> copy(Gated& gated, Direction direction, std::size_t bytes,
                                         Action action) {
  gated.gate.act(Action::pass);
  const auto connection = co_await connect(gated);
  gated.gate.act_after(direction, bytes, action);
  std::int64_t given = 0;
  const std::string row = std::string(row_bytes - 1, 'x') + "\n";
  const auto source = [&]() -> Awaitable<std::string_view> {
    co_return given++ < rows ? std::string_view{row} : std::string_view{};
  };
  const auto sink = [](std::string&) -> Awaitable<void> { co_return; };
  constexpr Duration stall = 300ms;
  std::optional<pg::Error> failure;
  if (direction == Direction::to_client) {
    const char* out = "COPY (SELECT repeat('x', 101) FROM generate_series(1, 20000)) TO STDOUT";
    failure = co_await test::failure_of(connection->copy_out("out", out, sink, stall));
  } else {
    const char* in = "COPY public.t FROM STDIN";
    failure = co_await test::failure_of(connection->copy_in("in", in, source, stall));
  }
  if (failure) {
    CHECK(connection->state() == pg::SessionState::closed);
  }
  co_return failure;
}

}  // namespace

TEST_CASE("a COPY over a network that breaks ends in an error in time, and leaves no row behind") {
  Gated gated;
  gated.database.admin().execute(
      "CREATE TABLE public.t (x text); ALTER TABLE public.t OWNER TO "
      "pgc_owner");
  for (const Direction direction : {Direction::to_client, Direction::to_server}) {
    for (const Action action : {Action::stall, Action::drop, Action::reset}) {
      for (const std::size_t bytes : {0UL, 10UL, 1000UL, 300000UL, 1900000UL}) {
        CAPTURE(static_cast<int>(direction));
        CAPTURE(static_cast<int>(action));
        CAPTURE(bytes);
        const SteadyTime start = std::chrono::steady_clock::now();
        gated.run([&]() -> Awaitable<void> {
          const auto failure = co_await copy(gated, direction, bytes, action);
          REQUIRE(failure.has_value());
          CHECK((failure->is_connection_lost() || failure->kind() == pg::Error::Kind::deadline));
        });
        CHECK(std::chrono::steady_clock::now() - start < 10s);
      }
    }
  }
  CHECK(gated.database.admin().number("SELECT count(*) FROM public.t") == 0);
}

}  // namespace pgcaretaker
