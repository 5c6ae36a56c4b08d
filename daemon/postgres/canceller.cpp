// SPDX-License-Identifier: Apache-2.0
// PQcancel and name look-ups, each on side threads of its own.
#include "postgres/canceller.hpp"

#include <libpq-fe.h>

#include <array>
#include <utility>

namespace pgcaretaker::pg {

namespace {

// A cancel over a living network takes milliseconds; a stop may not be held up by a dead one.
constexpr auto farewell = std::chrono::milliseconds{500};

bool send(PGcancel* cancel) {
  std::array<char, 256> words{};
  return PQcancel(cancel, words.data(), static_cast<int>(words.size())) == 1;
}

}  // namespace

Canceller::Canceller(LookUp look_up) : cancels_{farewell}, resolver_{std::move(look_up)} {}

Awaitable<bool> Canceller::cancel(pg_conn* connection, SteadyTime deadline) {
  const std::shared_ptr<PGcancel> cancel{PQgetCancel(connection), &PQfreeCancel};
  if (cancel == nullptr) co_return false;
  std::function<bool()> call = [cancel] { return send(cancel.get()); };
  const std::optional<bool> was_taken = co_await cancels_.run(std::move(call), deadline);
  co_return was_taken.value_or(false);
}

}  // namespace pgcaretaker::pg
