// SPDX-License-Identifier: Apache-2.0
// The inside of a Connection: one link, and what to do when a statement does not come to its end.
#pragma once

#include <cassert>
#include <functional>
#include <map>
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
  Awaitable<Result> run_again(std::string name, std::string sql, Params params);
  /// Several statements in one round trip, without parameters; the last one's result.
  Awaitable<Result> run_script(std::string name, std::string sql);
  Awaitable<std::int64_t> copy_out(std::string name, std::string sql, CopySink sink,
                                   Duration stall);
  Awaitable<std::int64_t> copy_in(std::string name, std::string sql, CopySource source,
                                  Duration stall);
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
  /// How far the session has come to know a statement.
  enum class Repeated { once, prepared, refused };

  [[nodiscard]] SteadyTime deadline_of_next() const;
  using Send = std::function<void()>;
  Awaitable<Result> exchange(std::string name, const Send& send);
  Awaitable<bool> learn(const std::string& name, const std::string& sql);
  Awaitable<Result> complete(std::string name, SteadyTime deadline);
  Awaitable<void> await_answer(SteadyTime deadline);
  Awaitable<void> prove_ours(const ConnectTarget& target, SteadyTime deadline);
  Awaitable<std::int64_t> copy(std::string name, std::string sql, Link::Copy direction,
                               const std::function<Awaitable<void>()>& pump);
  Awaitable<void> pump_out(const CopySink& sink, Duration stall);
  Awaitable<void> pump_in(const CopySource& source, Duration stall);
  Awaitable<void> begin_copy();
  [[nodiscard]] SteadyTime stall_deadline(Duration stall) const;
  Awaitable<void> recover();
  Awaitable<bool> drain(SteadyTime deadline);
  Awaitable<bool> abandon_copy(SteadyTime deadline);

  Link link_;
  Canceller& canceller_;
  Duration session_timeout_;
  std::optional<Duration> expected_timeout_;
  SteadyTime deadline_ = SteadyTime::max();
  bool in_flight_ = false;
  std::map<std::string, Repeated> repeated_;  // by text: of a name there may be two
  int backend_pid_ = 0;
  int server_version_ = 0;
  std::string peer_;
};

/// Marks a statement as under way for as long as its coroutine lives.
class Connection::Impl::Flight {
 public:
  explicit Flight(bool& mark) : mark_{mark} {
    assert(!mark_ && "a connection is used by one coroutine at a time");
    mark_ = true;
  }
  ~Flight() { mark_ = false; }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

 private:
  bool& mark_;
};

/// The same error, with the statement's name.
[[nodiscard]] Error named(const Error& error, const std::string& name);

/// How long clean-up behind a shield may take after a statement that did not end.
constexpr auto recovery_budget = std::chrono::milliseconds{2500};

}  // namespace pgcaretaker::pg
