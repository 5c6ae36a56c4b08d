// SPDX-License-Identifier: Apache-2.0
// A session that a pooler shares with others is found out before anything is set in it.
#include <fmt/format.h>
#include <libpq-fe.h>

#include "postgres/connection_impl.hpp"
#include "postgres/conninfo.hpp"

namespace pgcaretaker::pg {

namespace {

// Two servers behind one pooler may have backends of the same number, but did not start in the
// same microsecond.
constexpr const char* who_sql =
    "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.date_part('epoch', "
    "pg_catalog.pg_postmaster_start_time())::pg_catalog.text AS started";

// A pool in session mode that is full lets a second client wait: then there is nothing to learn.
constexpr auto second_client_budget = std::chrono::seconds{1};

struct Backend {
  int pid = 0;
  std::string started;
  bool operator==(const Backend&) const = default;
};

Backend read_backend(const Result& result) {
  Backend backend;
  backend.pid = result.only_row().get<int>("pid");
  backend.started = result.only_row().get<std::string>("started");
  return backend;
}

/// The backend that a second client of the same place is given; nullopt when it gets none in time.
Awaitable<std::optional<Backend>> second_backend(const ConnectTarget& target, SteadyTime deadline) {
  Link link{co_await asio::this_coro::executor};
  try {
    co_await link.open(target, deadline);
    link.send(who_sql, Params{});
    const bool is_answered = co_await link.finish(deadline);
    if (!is_answered) co_return std::nullopt;
    co_return read_backend(link.take_answer());
  } catch (const Error&) {
    co_return std::nullopt;
  }
}

}  // namespace

/// Learns our backend's number. Where it is not the one of the connect, a pooler is in between:
/// then a second client asks too. While we are connected it is given our backend only by a pooler
/// that shares it, and only then do we get another one later. Throws Error(refused) in that case.
Awaitable<void> Connection::Impl::prove_ours(const ConnectTarget& target, SteadyTime deadline) {
  const Params none;
  const Result first = co_await run("session.backend", who_sql, none);
  const Backend ours = read_backend(first);
  backend_pid_ = ours.pid;
  if (ours.pid == PQbackendPID(link_.handle())) co_return;

  const SteadyTime budget = std::chrono::steady_clock::now() + second_client_budget;
  const std::optional<Backend> other = co_await second_backend(target, std::min(deadline, budget));
  bool is_shared = other == ours;
  // A pooler that takes its sessions in turn gives the second client the next, and us the one
  // after.
  for (int again = 0; again < 2 && !is_shared; ++again) {
    const Result later = co_await run("session.backend", who_sql, none);
    is_shared = read_backend(later) != ours;
  }
  if (is_shared) {
    throw Error{Error::Kind::refused,
                fmt::format("at {} a pooler hands each transaction to another session (PgBouncer: "
                            "pool_mode transaction or statement); connect to PostgreSQL directly, "
                            "or to a pool in session mode",
                            peer_)};
  }
}

}  // namespace pgcaretaker::pg
