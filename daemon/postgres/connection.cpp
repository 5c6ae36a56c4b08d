// SPDX-License-Identifier: Apache-2.0
// One statement at a time: sent, answered, or cancelled and drained, or the session is closed.
#include "postgres/connection.hpp"

#include <utility>

#include "async/shield.hpp"
#include "postgres/connection_impl.hpp"

namespace pgcaretaker::pg {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The server's statement_timeout is the first line; ours only speaks when its answer does not come.
constexpr auto answer_margin = seconds{2};
// To reach the server with a cancel, and then to hear its answer: a stop waits for both.
constexpr auto cancel_budget = milliseconds{1000};
constexpr auto drain_budget = milliseconds{1000};

constexpr std::string_view invalid_sql_statement_name = "26000";
constexpr std::string_view duplicate_prepared_statement = "42P05";

}  // namespace

Error named(const Error& error, const std::string& name) {
  Error full{error.kind(), error.message(), error.sqlstate(), name};
  full.detail = error.detail;
  full.hint = error.hint;
  return full;
}

SessionState Connection::Impl::state() const noexcept {
  if (link_.is_closed()) return SessionState::closed;
  return in_flight_ || link_.is_in_transaction() ? SessionState::busy : SessionState::ready;
}

/// Throws unless there is a session and time left; returns when the answer must be there.
SteadyTime Connection::Impl::deadline_of_next() const {
  if (link_.is_closed()) {
    throw link_.lost_error();
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  if (deadline_ <= now) {
    throw Error{Error::Kind::deadline, "no time was left to run the statement"};
  }
  const Duration timeout = expected_timeout_.value_or(session_timeout_);
  return timeout == Duration::zero() ? deadline_
                                     : std::min(deadline_, now + timeout + answer_margin);
}

Awaitable<Result> Connection::Impl::exchange(std::string name, const Send& send) {
  const Flight flight{in_flight_};
  SteadyTime deadline;
  try {
    deadline = deadline_of_next();
    send();
  } catch (const Error& error) {
    throw named(error, name);
  }
  co_return co_await complete(std::move(name), deadline);
}

Awaitable<Result> Connection::Impl::run(std::string name, std::string sql, Params params) {
  const Send send = [&] { link_.send(sql, params); };
  co_return co_await exchange(std::move(name), send);
}

Awaitable<Result> Connection::Impl::run_script(std::string name, std::string sql) {
  const Send send = [&] { link_.send_script(sql); };
  co_return co_await exchange(std::move(name), send);
}

/// Prepares it; false = the session has a statement of this name, be it of ours that was
/// interrupted or from whoever had the session from a pooler before.
Awaitable<bool> Connection::Impl::learn(const std::string& name, const std::string& sql) {
  const Send send = [&] { link_.send_prepare(name, sql); };
  try {
    co_await exchange(name, send);
  } catch (const Error& error) {
    if (error.sqlstate() != duplicate_prepared_statement) throw;
    co_return false;
  }
  co_return true;
}

Awaitable<Result> Connection::Impl::run_again(std::string name, std::string sql, Params params) {
  const auto known = repeated_.find(sql);
  if (known == repeated_.end()) {
    repeated_.emplace(sql, Repeated::once);
    co_return co_await run(std::move(name), std::move(sql), std::move(params));
  }
  Repeated& state = known->second;
  if (state == Repeated::once) {
    const bool is_learnt = co_await learn(name, sql);
    state = is_learnt ? Repeated::prepared : Repeated::refused;
  }
  if (state == Repeated::prepared) {
    const Send send = [&] { link_.send_prepared(name, params); };
    try {
      co_return co_await exchange(name, send);
    } catch (const Error& error) {
      if (error.sqlstate() != invalid_sql_statement_name) throw;
      // Somebody told the session to forget it.
      state = Repeated::once;
    }
  }
  co_return co_await run(std::move(name), std::move(sql), std::move(params));
}

Awaitable<Result> Connection::Impl::complete(std::string name, SteadyTime deadline) {
  const auto clean_up = [this] { return recover(); };
  try {
    Awaitable<void> answer = await_answer(deadline);
    co_await async::shield(std::move(answer), clean_up, recovery_budget);
  } catch (const Error& error) {
    // An answer that came together with the deadline counts.
    if (error.kind() != Error::Kind::deadline || !link_.has_own_answer()) {
      throw named(error, name);
    }
  }
  try {
    co_return link_.take_answer();
  } catch (const Error& error) {
    throw named(error, name);
  }
}

Awaitable<void> Connection::Impl::await_answer(SteadyTime deadline) {
  const SteadyTime start = std::chrono::steady_clock::now();
  const bool is_answered = co_await link_.finish(deadline);
  if (!is_answered) {
    throw no_answer(Error::Kind::deadline, deadline - start);
  }
}

/// Leaves the link idle (in the caller's transaction, if any) or closed.
Awaitable<void> Connection::Impl::recover() {
  if (!link_.is_active()) co_return;
  bool is_settled = false;
  try {
    const SteadyTime start = std::chrono::steady_clock::now();
    const bool is_taken = co_await canceller_.cancel(link_.handle(), start + cancel_budget);
    // A cancel that is still on its way could hit the next statement.
    if (is_taken) {
      const SteadyTime latest = std::chrono::steady_clock::now() + drain_budget;
      is_settled = co_await drain(latest);
    }
  } catch (...) {
    is_settled = link_.is_closed();
  }
  if (!is_settled) {
    link_.close_because("the connection was closed because a statement could not be cancelled");
  }
}

Awaitable<bool> Connection::Impl::wait_closed(SteadyTime deadline) {
  const Flight flight{in_flight_};
  while (link_.refresh()) {
    const bool is_readable = co_await link_.wait_readable(deadline);
    if (!is_readable) co_return false;
  }
  co_return true;
}

bool Connection::Impl::check_open() noexcept {
  return in_flight_ || link_.refresh();
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Connection::~Connection() = default;

Awaitable<Result> Connection::run(std::string name, std::string sql, Params params) {
  return impl_->run(std::move(name), std::move(sql), std::move(params));
}

Awaitable<Result> Connection::run_again(std::string name, std::string sql, Params params) {
  return impl_->run_again(std::move(name), std::move(sql), std::move(params));
}

void Connection::set_deadline(SteadyTime deadline) {
  impl_->set_deadline(deadline);
}

void Connection::expect_statement_timeout(std::optional<Duration> timeout) {
  impl_->expect_statement_timeout(timeout);
}

SessionState Connection::state() const noexcept {
  return impl_->state();
}
int Connection::backend_pid() const noexcept {
  return impl_->backend_pid();
}
int Connection::server_version() const noexcept {
  return impl_->server_version();
}
std::string Connection::peer() const {
  return impl_->peer();
}
bool Connection::check_open() noexcept {
  return impl_->check_open();
}
void Connection::close() noexcept {
  impl_->close();
}

Awaitable<bool> Connection::wait_closed(SteadyTime deadline) {
  return impl_->wait_closed(deadline);
}

}  // namespace pgcaretaker::pg
