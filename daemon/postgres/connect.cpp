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
  const bool names_itself = target.name.empty() || error.message().starts_with("connection to") ||
                            error.message().starts_with("cannot resolve");
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

/// When the first of `count` that are left has to be through.
SteadyTime share_of(SteadyTime deadline, std::size_t count) {
  const SteadyTime now = std::chrono::steady_clock::now();
  return now + (deadline - now) / static_cast<int>(count);
}

/// `host` at each of its addresses, or as it is.
Awaitable<std::vector<ConnectTarget>> resolved(const ConnectTarget& host, Resolver& resolver,
                                               SteadyTime deadline) {
  if (host.host_to_resolve.empty()) {
    co_return std::vector<ConnectTarget>(1, host);
  }
  const auto addresses = co_await resolver.resolve(host.host_to_resolve, deadline);
  co_return at_addresses(host, addresses);
}

}  // namespace

Awaitable<void> Connection::Impl::open(const ConnectTarget& target,
                                       const config::Database& database, SteadyTime deadline) {
  co_await link_.open(target, deadline);
  server_version_ = PQserverVersion(link_.handle());
  peer_ = peer_of(link_.handle());
  require_supported(server_version_, peer_);
  set_deadline(deadline);
  co_await prove_ours(target, deadline);
  Discipline discipline = session_discipline(database);
  co_await run("session.discipline", std::move(discipline.sql), std::move(discipline.params));
  set_deadline(SteadyTime::max());
}

Awaitable<std::unique_ptr<Connection>> Connection::connect(ConnectOptions options,
                                                           Canceller& canceller) {
  const auto executor = co_await asio::this_coro::executor;
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.database.connect_timeout;
  const std::vector<ConnectTarget> hosts = connect_targets(options);
  Failures failures;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const SteadyTime host_deadline = share_of(deadline, hosts.size() - i);
    std::vector<ConnectTarget> targets;
    try {
      targets = co_await resolved(hosts[i], canceller.resolver(), host_deadline);
    } catch (const Error& error) {
      failures.add(hosts[i], error);
    }
    for (std::size_t j = 0; j < targets.size(); ++j) {
      auto impl = std::make_unique<Impl>(executor, canceller, options.database.statement_timeout);
      try {
        const SteadyTime share = share_of(host_deadline, targets.size() - j);
        co_await impl->open(targets[j], options.database, share);
        co_return std::unique_ptr<Connection>(new Connection(std::move(impl)));
      } catch (const Error& error) {
        if (error.kind() == Error::Kind::refused) {
          throw Error{error.kind(), "cannot prepare the session: " + error.message(),
                      error.sqlstate()};
        }
        failures.add(targets[j], error);
        // As with libpq: a server that has spoken speaks for all addresses of its name.
        if (!error.sqlstate().empty()) break;
      }
    }
  }
  throw failures.error();
}

}  // namespace pgcaretaker::pg
