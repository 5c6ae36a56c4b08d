// SPDX-License-Identifier: Apache-2.0
// Blocking calls of this room, off the loop, with their exceptions brought back.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "archive/error.hpp"
#include "postgres/side_thread.hpp"

namespace pgcaretaker::archive {

/// A disk that answers no call for so long counts as dead.
inline constexpr auto disk_patience = std::chrono::minutes{10};
/// Of a statement: a bound that only a hanging server reaches, the stall of a COPY speaks long
/// before.
inline constexpr Duration longest_statement = std::chrono::hours{24};
/// Between two statements: files are ended there.
inline constexpr Duration longest_idle = disk_patience + std::chrono::minutes{1};

/// Between two statements of a transaction that others may have to wait for: a process that is
/// stopped or cut off there must not keep its locks.
inline constexpr Duration longest_silence = std::chrono::milliseconds{500};

/// What `call` returns or throws, run on `thread`. `call` owns all that it uses: after a cancel it
/// may go on for a while, unheard. Throws Error when the disk does not answer.
template <class T>
Awaitable<T> in_background(pg::SideThread& thread, std::function<T()> call) {
  struct Outcome {
    std::optional<T> value;
    std::exception_ptr failure;
  };
  std::function<Outcome()> safe = [call = std::move(call)] {
    Outcome outcome;
    try {
      outcome.value.emplace(call());
    } catch (...) {
      outcome.failure = std::current_exception();
    }
    return outcome;
  };
  const SteadyTime latest = std::chrono::steady_clock::now() + disk_patience;
  std::optional<Outcome> outcome = co_await thread.run(std::move(safe), latest);
  if (!outcome) {
    throw Error{"the disk of the archive has not answered for 10 minutes"};
  }
  if (outcome->failure) {
    std::rethrow_exception(outcome->failure);
  }
  co_return std::move(*outcome->value);
}

/// Same for a call without a value.
inline Awaitable<void> in_background(pg::SideThread& thread, std::function<void()> call) {
  std::function<bool()> valued = [call = std::move(call)] {
    call();
    return true;
  };
  co_await in_background<bool>(thread, std::move(valued));
}

}  // namespace pgcaretaker::archive
