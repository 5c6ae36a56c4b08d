// SPDX-License-Identifier: Apache-2.0
// What connections need that only blocks, off the loop: PQcancel, and the look-up of names.
#pragma once

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "postgres/resolver.hpp"
#include "postgres/side_thread.hpp"

struct pg_conn;

namespace pgcaretaker::pg {

/// The loop outlives it; it outlives the connections. Its destructor waits a moment for a PQcancel
/// under way; one that hangs in a dead network is left to the process's end.
class Canceller {
 public:
  explicit Canceller(LookUp look_up = &pg::look_up);

  /// Asks the server to cancel what `connection` runs. True: the server has taken the request.
  /// False: it could not be asked, or `deadline` came first and the request may still arrive: close
  /// the connection then, or the cancel could hit a later statement. Await it behind async::shield.
  Awaitable<bool> cancel(pg_conn* connection, SteadyTime deadline);

  /// Has threads of its own, so a dead name service delays no cancel.
  [[nodiscard]] Resolver& resolver() { return resolver_; }

 private:
  SideThread cancels_;
  Resolver resolver_;
};

}  // namespace pgcaretaker::pg
