// SPDX-License-Identifier: Apache-2.0
// PQcancel blocks, so it runs on the process's one side thread.
#pragma once

#include <memory>

#include "async/awaitable.hpp"
#include "async/time.hpp"

struct pg_conn;

namespace pgcaretaker::pg {

/// The loop outlives it; it outlives the connections.
class Canceller {
 public:
  Canceller();
  /// Waits a moment for a PQcancel under way; one that hangs in a dead network is left to the
  /// process's end.
  ~Canceller();
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;

  /// Asks the server to cancel what `connection` runs. True: the server has taken the request.
  /// False: it could not be asked, or `deadline` came first and the request may still arrive: close
  /// the connection then, or the cancel could hit a later statement. Await it behind async::shield.
  Awaitable<bool> cancel(pg_conn* connection, SteadyTime deadline);

 private:
  class Worker;
  std::shared_ptr<Worker> worker_;
};

}  // namespace pgcaretaker::pg
