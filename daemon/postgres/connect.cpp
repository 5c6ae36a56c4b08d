// SPDX-License-Identifier: Apache-2.0
// From options to a session that is ready for use: host after host, then the discipline.
#include <libpq-fe.h>

#include <utility>

#include "postgres/connection_impl.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/session.hpp"

namespace pgcaretaker::pg {

namespace {

std::string peer_of(PGconn* handle) {
  const std::string host = PQhost(handle);
  return host.starts_with('/') ? host : host + ':' + PQport(handle);
}

/// What a host that was given up on adds to the error: libpq's words name the host already.
std::string blame(const ConnectTarget& target, const Error& error) {
  const bool names_itself = target.name.empty() || error.message().starts_with("connection to");
  return names_itself ? error.message() : target.name + ": " + error.message();
}

/// What went wrong at all hosts so far, as one error.
class Failures {
 public:
  void add(const ConnectTarget& target, const Error& error) {
    if (!message_.empty()) message_ += "; ";
    message_ += blame(target, error);
    if (sqlstate_.empty()) sqlstate_ = error.sqlstate();
  }
  [[nodiscard]] Error error() const { return Error{Error::Kind::connection, message_, sqlstate_}; }

 private:
  std::string message_;
  std::string sqlstate_;
};

}  // namespace

Awaitable<void> Connection::Impl::open(const ConnectTarget& target,
                                       const config::Database& database, SteadyTime deadline) {
  co_await link_.open(target, deadline);
  backend_pid_ = PQbackendPID(link_.handle());
  server_version_ = PQserverVersion(link_.handle());
  peer_ = peer_of(link_.handle());
  require_supported(server_version_, peer_);
  Discipline discipline = session_discipline(database);
  set_deadline(deadline);
  co_await run("session.discipline", std::move(discipline.sql), std::move(discipline.params));
  set_deadline(SteadyTime::max());
}

Awaitable<std::unique_ptr<Connection>> Connection::connect(ConnectOptions options,
                                                           Canceller& canceller) {
  const auto executor = co_await asio::this_coro::executor;
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.database.connect_timeout;
  const std::vector<ConnectTarget> targets = connect_targets(options);
  Failures failures;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const SteadyTime now = std::chrono::steady_clock::now();
    const auto share = (deadline - now) / static_cast<int>(targets.size() - i);
    auto impl = std::make_unique<Impl>(executor, canceller, options.database.statement_timeout);
    try {
      co_await impl->open(targets[i], options.database, now + share);
      co_return std::unique_ptr<Connection>(new Connection(std::move(impl)));
    } catch (const Error& error) {
      if (error.kind() == Error::Kind::refused) {
        throw Error{error.kind(), "cannot prepare the session: " + error.message(),
                    error.sqlstate()};
      }
      failures.add(targets[i], error);
    }
  }
  throw failures.error();
}

}  // namespace pgcaretaker::pg
