// SPDX-License-Identifier: Apache-2.0
// PQcancel blocks, so it runs on the process's one side thread.
#pragma once

#include <memory>

#include "async/awaitable.hpp"
#include "async/time.hpp"

struct pg_conn;

namespace pgcaretaker::pg {

class Canceller {
 public:
  Canceller();
  ~Canceller();  // joins the thread: may block until a PQcancel under way gives up
  Canceller(const Canceller&) = delete;

  /// Asks the server to cancel what `connection` runs. Returns when the server has taken the request or
  /// `deadline` passed (true = taken). Not cancellable itself; never throws.
  Awaitable<bool> cancel(pg_conn* connection, SteadyTime deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcaretaker::pg
