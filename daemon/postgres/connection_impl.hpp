// SPDX-License-Identifier: Apache-2.0
// The inside of a Connection: one link, and what to do when a statement does not come to its end.
#pragma once

#include <optional>
#include <string>

#include "postgres/canceller.hpp"
#include "postgres/connection.hpp"
#include "postgres/link.hpp"

namespace pgcaretaker::pg {

class Connection::Impl {
 public:
  Impl(const asio::any_io_executor& executor, Canceller& canceller, Duration statement_timeout)
      : link_{executor}, canceller_{canceller}, session_timeout_{statement_timeout} {}

  /// Opens the link to one host and brings the session under discipline.
  Awaitable<void> open(const ConnectTarget& target, const config::Database& database,
                       SteadyTime deadline);

  Awaitable<Result> run(std::string name, std::string sql, Params params);
  /// Several statements in one round trip, without parameters; the last one's result.
  Awaitable<Result> run_script(std::string name, std::string sql);
  Awaitable<bool> wait_closed(SteadyTime deadline);
  bool check_open() noexcept;

  void set_deadline(SteadyTime deadline) { deadline_ = deadline; }
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  void expect_statement_timeout(std::optional<Duration> timeout) { expected_timeout_ = timeout; }

  [[nodiscard]] SessionState state() const noexcept;
  [[nodiscard]] const Link& link() const { return link_; }
  [[nodiscard]] int backend_pid() const noexcept { return backend_pid_; }
  [[nodiscard]] int server_version() const noexcept { return server_version_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  void close() noexcept { link_.close(); }

 private:
  class Flight;

  [[nodiscard]] SteadyTime deadline_of_next() const;
  Awaitable<Result> complete(std::string name, SteadyTime deadline);
  Awaitable<void> await_answer(SteadyTime deadline);
  Awaitable<void> prove_ours(const ConnectTarget& target, SteadyTime deadline);
  Awaitable<void> recover();

  Link link_;
  Canceller& canceller_;
  Duration session_timeout_;
  std::optional<Duration> expected_timeout_;
  SteadyTime deadline_ = SteadyTime::max();
  bool in_flight_ = false;
  int backend_pid_ = 0;
  int server_version_ = 0;
  std::string peer_;
};

}  // namespace pgcaretaker::pg
