// SPDX-License-Identifier: Apache-2.0
// One PostgreSQL session over non-blocking libpq, used by one coroutine at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "config/secret.hpp"
#include "config/settings.hpp"
#include "postgres/error.hpp"
#include "postgres/params.hpp"
#include "postgres/result.hpp"

namespace pgcaretaker::pg {

class Canceller;

/// Takes a piece of a COPY's stream; while it is awaited, the server is held back. It may move the
/// piece away, which is valid until it returns.
using CopySink = std::function<Awaitable<void>(std::string& piece)>;
/// Gives the next piece of a stream, valid until the next call; empty = that was all.
using CopySource = std::function<Awaitable<std::string_view>()>;

/// What a session is opened with.
struct ConnectOptions {
  config::Database database;
  std::optional<config::Secret> password;
  std::string
      purpose;  // "task", "lease", "saturation": application_name becomes pgcaretaker/PURPOSE
};

enum class SessionState {
  ready,   // idle, outside a transaction: may be handed to anyone
  busy,    // a statement is on its way, or a transaction is open
  closed,  // gone; only destruction is left
};

class Connection {
 public:
  /// Connects and brings the session under discipline: TimeZone UTC, DateStyle ISO, IntervalStyle
  /// postgres, empty search_path, row_security off (a filtered answer becomes an error), the
  /// configured timeouts, SET ROLE. Gives up after database.connect_timeout for all hosts together;
  /// each host may use its share of what is left. Throws Error(connection) naming hosts but no
  /// secret (with the SQLSTATE of a server that refused, e.g. 53300), Error(refused) when a server
  /// that answered cannot be worked with (older than 14, role missing, a pooler that hands each
  /// transaction to another session). Each address of a name is tried. libpq reads .pgpass and
  /// certificates synchronously, and with a service file looks its host names up so; everything
  /// else suspends. `canceller` must outlive the connection.
  static Awaitable<std::unique_ptr<Connection>> connect(ConnectOptions options,
                                                        Canceller& canceller);

  Connection(const Connection&) = delete;
  ~Connection();

  /// Runs one statement. `name` identifies it in errors and logs, e.g. "partition.list".
  /// Deadline: the session's statement_timeout plus a margin, or the one set by set_deadline().
  /// Throws Error; a cancel of the coroutine cancels the statement on the server first (bounded),
  /// then throws operation_aborted. However it ends, the session is `ready`, `busy` in the caller's
  /// open transaction, or `closed`.
  template <class... Args>
  Awaitable<Result> query(std::string_view name, std::string_view sql, const Args&... args) {
    return run(std::string{name}, std::string{sql}, Params::pack(args...));
  }
  /// Same with parameters packed beforehand.
  Awaitable<Result> run(std::string name, std::string sql, Params params);
  /// Same for a statement that comes again and again in the same words: the second time the session
  /// prepares it under `name`, and from then on the server need not parse and plan it. For use
  /// outside of transactions, since a preparation that is refused would end one.
  template <class... Args>
  Awaitable<Result> query_again(std::string_view name, std::string_view sql, const Args&... args) {
    return run_again(std::string{name}, std::string{sql}, Params::pack(args...));
  }

  /// Runs `COPY ... TO STDOUT` and hands the stream to `sink`, in pieces of about 1 MiB made of
  /// whole rows; no more than that and the largest row is in memory. Returns the number of rows.
  /// Error(deadline) when nothing comes for `stall`, not counting the sink's own time; how long the
  /// whole may take is the server's statement_timeout. What the sink throws passes through. However
  /// it ends, the session is as after query(): a COPY that did not come to its end was cancelled on
  /// the server and drained.
  Awaitable<std::int64_t> copy_out(std::string name, std::string sql, CopySink sink,
                                   Duration stall);
  /// Runs `COPY ... FROM STDIN` with what `source` gives; the next piece is asked for when the one
  /// before has left for the server. Returns the number of rows. Error(deadline) when the server
  /// takes nothing for `stall`. What the source throws passes through, and no row counts then.
  /// Otherwise as copy_out().
  Awaitable<std::int64_t> copy_in(std::string name, std::string sql, CopySource source,
                                  Duration stall);

  /// Statements until further notice end by `deadline` at the latest; SteadyTime::max() takes it
  /// back.
  void set_deadline(SteadyTime deadline);

  [[nodiscard]] SessionState state() const noexcept;
  [[nodiscard]] int backend_pid() const noexcept;
  [[nodiscard]] int server_version() const noexcept;  // e.g. 150020
  /// "host:port" or socket path it is connected to.
  [[nodiscard]] std::string peer() const;

  /// For statements whose statement_timeout was changed by SET LOCAL: run() expects answers within
  /// `timeout` (0 = for ever) plus a margin. nullopt takes it back. transact() does this itself.
  void expect_statement_timeout(std::optional<Duration> timeout);

  /// Looks, without a round trip, whether the idle session is still there; state() says the same
  /// afterwards.
  bool check_open() noexcept;

  /// Suspends until the server closes or breaks the idle session, or `deadline`; true = it is gone.
  Awaitable<bool> wait_closed(SteadyTime deadline);

  /// Ends the session at once; state becomes closed.
  void close() noexcept;

 private:
  friend class TransactionSteps;
  class Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  Awaitable<Result> run_again(std::string name, std::string sql, Params params);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcaretaker::pg
