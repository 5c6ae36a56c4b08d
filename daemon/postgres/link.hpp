// SPDX-License-Identifier: Apache-2.0
// A libpq handle together with the watch on its socket: every call that may touch the network.
#pragma once

#include <string>

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

  /// Sends what is queued and reads to the end of the answer; false when `deadline` came first: the
  /// statement is still under way then, and finish() may be called again.
  Awaitable<bool> finish(SteadyTime deadline);

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
  void collect(pg_result* result);
  void take_notifications();
  [[noreturn]] void lose();
  void keep_reason();
  static void on_notice(void* link, const pg_result* notice);

  SocketWatch watch_;
  pg_conn* handle_ = nullptr;
  pg_result* answer_ = nullptr;
  bool ended_by_server_ = false;  // a FATAL came
  std::string reason_ = "not connected";
  std::string reason_sqlstate_;
};

}  // namespace pgcaretaker::pg
