// SPDX-License-Identifier: Apache-2.0
// Opening a link: libpq's connection state machine, step by step.
#include <libpq-fe.h>

#include <new>
#include <vector>

#include "postgres/connect_failure.hpp"
#include "postgres/link.hpp"

namespace pgcaretaker::pg {

namespace {

PGconn* start_connecting(const ConnectTarget& target) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : target.keywords) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  constexpr int expand_dbname = 1;
  PGconn* const handle = PQconnectStartParams(keywords.data(), values.data(), expand_dbname);
  if (handle == nullptr) {
    throw std::bad_alloc{};
  }
  return handle;
}

Error failure_of(PGconn* handle) {
  const char* const password = PQpass(handle);
  const ConnectFailure failure =
      read_connect_failure(PQerrorMessage(handle), password == nullptr ? "" : password);
  return Error{Error::Kind::connection, failure.message, failure.sqlstate};
}

}  // namespace

Awaitable<void> Link::open(const ConnectTarget& target, SteadyTime deadline) {
  close();
  ended_by_server_ = false;
  handle_ = start_connecting(target);
  PQsetNoticeReceiver(handle_, &Link::on_notice, this);
  // For the SQLSTATE, which PQerrorMessage alone has while there is no result.
  PQsetErrorVerbosity(handle_, PQERRORS_VERBOSE);
  try {
    co_await poll(deadline);
  } catch (const Error& error) {
    reason_ = error.message();
    reason_sqlstate_ = error.sqlstate();
    close();
    throw;
  }
  reason_ = "the connection is closed";
  PQsetErrorVerbosity(handle_, PQERRORS_DEFAULT);
  PQsetnonblocking(handle_, 1);
  watch_.assign(PQsocket(handle_));
}

Awaitable<void> Link::poll(SteadyTime deadline) {
  // As libpq documents it: wait as if PQconnectPoll had just asked for writing.
  auto direction = SocketWatch::Direction::write;
  const SteadyTime start = std::chrono::steady_clock::now();
  while (true) {
    if (PQstatus(handle_) == CONNECTION_BAD || PQsocket(handle_) < 0) {
      throw failure_of(handle_);
    }
    watch_.assign(PQsocket(handle_));
    const bool is_ready = co_await watch_.wait(direction, deadline);
    watch_.release();  // PQconnectPoll may close this socket and open one of the same number
    if (!is_ready) {
      throw no_answer(Error::Kind::connection, deadline - start);
    }
    switch (PQconnectPoll(handle_)) {
      case PGRES_POLLING_OK:
        co_return;
      case PGRES_POLLING_READING:
        direction = SocketWatch::Direction::read;
        break;
      case PGRES_POLLING_WRITING:
        direction = SocketWatch::Direction::write;
        break;
      default:
        throw failure_of(handle_);
    }
  }
}

}  // namespace pgcaretaker::pg
