// SPDX-License-Identifier: Apache-2.0
// BEGIN, body, COMMIT, with ROLLBACK or the end of the session as the only other way out.
#include "postgres/transaction.hpp"

#include <fmt/format.h>

#include <utility>

#include "async/shield.hpp"
#include "postgres/connection_impl.hpp"

namespace pgcaretaker::pg {

namespace {

// A ROLLBACK is quick unless the server is in trouble; a stop may have to wait for it.
constexpr auto rollback_budget = std::chrono::seconds{2};

std::string begin_script(const TransactionOptions& options) {
  std::string sql = options.read_only ? "BEGIN READ ONLY" : "BEGIN READ WRITE";
  if (options.repeatable_read) sql += ", ISOLATION LEVEL REPEATABLE READ";
  const auto set = [&](std::string_view setting, Duration value) {
    if (value > Duration::zero()) sql += fmt::format("; SET LOCAL {} = {}", setting, value.count());
  };
  set("lock_timeout", options.lock_timeout);
  set("statement_timeout", options.statement_timeout);
  set("idle_in_transaction_session_timeout", options.idle_timeout);
  return sql;
}

}  // namespace

class TransactionSteps {
 public:
  explicit TransactionSteps(Connection& connection) : impl_{*connection.impl_} {}

  Awaitable<void> run(TransactionOptions options, const std::function<Awaitable<void>()>& body) {
    co_await impl_.run_script("transaction.begin", begin_script(options));
    co_await body();
    require_sound();
    // A COMMIT that has to remove the files of a large table takes its time, whatever the body was
    // allowed, and cannot be called back.
    impl_.expect_statement_timeout(std::nullopt);
    co_await impl_.run_script("transaction.commit", "COMMIT");
  }

  /// The caller's deadline may have passed: the rollback has its own.
  Awaitable<void> roll_back() {
    if (impl_.state() != SessionState::busy) co_return;
    const SteadyTime before = impl_.deadline();
    impl_.set_deadline(std::chrono::steady_clock::now() + rollback_budget);
    try {
      co_await impl_.run_script("transaction.rollback", "ROLLBACK");
    } catch (...) {
      impl_.close();
    }
    impl_.set_deadline(before);
  }

  /// Whatever came before: neither a transaction nor its settings are left.
  void end() {
    impl_.expect_statement_timeout(std::nullopt);
    if (impl_.state() == SessionState::busy) impl_.close();
  }

 private:
  void require_sound() const {
    const Link& link = impl_.link();
    if (link.is_closed()) {
      throw link.lost_error();
    }
    if (link.is_transaction_failed()) {
      throw Error{Error::Kind::unexpected, "a statement failed, so there is nothing to commit"};
    }
    if (!link.is_in_transaction()) {
      throw Error{Error::Kind::unexpected, "the transaction was ended by its own statements"};
    }
  }

  Connection::Impl& impl_;
};

Awaitable<void> transact(Connection& connection, TransactionOptions options,
                         const std::function<Awaitable<void>()>& body) {
  TransactionSteps steps{connection};
  if (options.statement_timeout > Duration::zero()) {
    connection.expect_statement_timeout(options.statement_timeout);
  }
  const auto clean_up = [&steps] { return steps.roll_back(); };
  // Behind the budget: a rollback that is itself cancelled and drained.
  constexpr auto budget = rollback_budget + std::chrono::seconds{3};
  try {
    Awaitable<void> work = steps.run(options, body);
    co_await async::shield(std::move(work), clean_up, budget);
  } catch (...) {
    steps.end();
    throw;
  }
  steps.end();
}

}  // namespace pgcaretaker::pg
