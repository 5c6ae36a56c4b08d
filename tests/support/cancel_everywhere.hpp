// SPDX-License-Identifier: Apache-2.0
// Cancels an operation at each of its suspensions, one per round.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>

#include "async/awaitable.hpp"

namespace pgcaretaker::test {

/// How one round ended.
struct CancelledRound {
  int step = 0;                // loop steps before the cancel
  bool was_cancelled = false;  // false only in the last round: the operation had ended by itself
                               // (a cancel during its last suspension may come too late as well)
  std::exception_ptr failure;  // what came out of the operation
};

/// Runs `operation` again and again: in round k a terminal cancel is emitted after k steps of
/// `loop`, until it ends before that. Calls `check` after every round, when the loop has run dry.
/// Returns the number of rounds.
inline int cancel_everywhere(asio::io_context& loop,
                             const std::function<Awaitable<void>()>& operation,
                             const std::function<void(const CancelledRound&)>& check) {
  for (int step = 0;; ++step) {
    CancelledRound round;
    round.step = step;
    bool has_ended = false;
    asio::cancellation_signal signal;
    const auto ended = [&](std::exception_ptr failure) {
      round.failure = failure;
      has_ended = true;
    };
    loop.restart();
    asio::co_spawn(loop, operation(), asio::bind_cancellation_slot(signal.slot(), ended));
    for (int i = 0; i < step && !has_ended; ++i) {
      loop.run_one();
    }
    round.was_cancelled = !has_ended;
    if (!has_ended) {
      signal.emit(asio::cancellation_type::terminal);
    }
    loop.restart();
    loop.run();
    check(round);
    if (!round.was_cancelled) return step + 1;
  }
}

}  // namespace pgcaretaker::test
