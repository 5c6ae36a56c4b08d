// SPDX-License-Identifier: Apache-2.0
// A libpq handle together with the watch on its socket: every call that may touch the network.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/error.hpp"
#include "postgres/params.hpp"
#include "postgres/result.hpp"
#include "postgres/socket_watch.hpp"

struct pg_conn;
struct pg_result;

namespace pgcaretaker::pg {

/// "no answer within 5.0 s"
[[nodiscard]] Error no_answer(Error::Kind kind, SteadyTime::duration patience);

/// Knows the protocol of libpq calls and nothing about policy: deadlines come in as time points,
/// and what to do when one passes is the caller's decision. A lost connection closes the link at
/// once and is thrown as Error(connection) with the server's last words.
class Link {
 public:
  explicit Link(const asio::any_io_executor& executor) : watch_{executor} {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// One attempt. Throws Error(connection), also when `deadline` comes first; the link is closed
  /// then.
  Awaitable<void> open(const ConnectTarget& target, SteadyTime deadline);

  /// Queues one statement (extended protocol) or a script of several (simple protocol).
  /// Only when is_active() is false.
  void send(const std::string& sql, const Params& params);
  void send_script(const std::string& sql);
  /// Queues that the session shall know `sql` as `name`, and then its execution.
  void send_prepare(const std::string& name, const std::string& sql);
  void send_prepared(const std::string& name, const Params& params);

  /// Queues a COPY from or to us. finish() then returns at its beginning: is_copying() is true
  /// unless the server answered something else.
  enum class Copy { none, out, in };
  void send_copy(const std::string& sql, Copy direction);

  /// Sends what is queued and reads to the end of the answer; false when `deadline` came first: the
  /// statement is still under way then, and finish() may be called again.
  Awaitable<bool> finish(SteadyTime deadline);

  /// COPY OUT: appends what comes until `into` holds `enough` bytes or the stream ends, in whole
  /// messages. late = nothing came before `deadline`. After `end`, finish() has the outcome.
  enum class CopyRead { more, end, late };
  Awaitable<CopyRead> read_copy(std::string& into, std::size_t enough, SteadyTime deadline);
  /// COPY IN: hands `piece` over to the network; false when `deadline` came first, a part of it may
  /// have gone then.
  Awaitable<bool> write_copy(std::string_view piece, SteadyTime deadline);
  /// COPY IN: that was all, or with `failure` that it shall not count. finish() has the outcome.
  void end_copy(const char* failure = nullptr);
  [[nodiscard]] bool is_copying() const { return is_copying_; }
  [[nodiscard]] Copy copy_direction() const { return copy_; }

  /// The answer that finish() read: the first refusal, else the last result. Throws Error(refused).
  Result take_answer();
  /// True when there is an answer and it is not a query_canceled.
  [[nodiscard]] bool has_own_answer() const;

  /// Reads what has come without being asked for, without waiting; false = the connection is gone.
  bool refresh() noexcept;
  /// True when something came before `deadline`.
  Awaitable<bool> wait_readable(SteadyTime deadline);

  void close() noexcept;
  /// Closes; `reason` is what lost_error() says from then on.
  void close_because(std::string reason) noexcept;

  [[nodiscard]] pg_conn* handle() const { return handle_; }
  [[nodiscard]] bool is_closed() const { return handle_ == nullptr; }
  [[nodiscard]] bool is_active() const;          // a statement is under way
  [[nodiscard]] bool is_in_transaction() const;  // open, sound or failed
  [[nodiscard]] bool is_transaction_failed() const;
  /// Why the link is closed.
  [[nodiscard]] Error lost_error() const;

 private:
  Awaitable<void> poll(SteadyTime deadline);
  void begin_statement();
  void require_sent(bool is_sent);
  void collect(pg_result* result);
  void take_notifications();
  [[noreturn]] void lose();
  void keep_reason();
  static void on_notice(void* link, const pg_result* notice);

  SocketWatch watch_;
  pg_conn* handle_ = nullptr;
  pg_result* answer_ = nullptr;
  Copy copy_ = Copy::none;        // what the statement under way may begin
  bool is_copying_ = false;       // it has begun, and its end has not been read or sent
  bool ended_by_server_ = false;  // a FATAL came
  std::string reason_ = "not connected";
  std::string reason_sqlstate_;
};

}  // namespace pgcaretaker::pg
