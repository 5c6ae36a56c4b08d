// SPDX-License-Identifier: Apache-2.0
// The libpq calls of a COPY: a stream of messages instead of rows, in either direction.
#include <libpq-fe.h>

#include <cassert>

#include "postgres/link.hpp"

namespace pgcaretaker::pg {

void Link::send_copy(const std::string& sql, Copy direction) {
  send_script(sql);
  copy_ = direction;
}

Awaitable<Link::CopyRead> Link::read_copy(std::string& into, std::size_t enough,
                                          SteadyTime deadline) {
  assert(is_copying_ && copy_ == Copy::out);
  while (true) {
    while (into.size() < enough) {
      char* message = nullptr;
      constexpr int without_waiting = 1;
      const int length = PQgetCopyData(handle_, &message, without_waiting);
      take_notifications();
      if (length == 0) break;
      if (length < 0) {
        is_copying_ = false;
        if (PQstatus(handle_) != CONNECTION_OK) {
          lose();
        }
        co_return CopyRead::end;
      }
      into.append(message, static_cast<std::size_t>(length));
      PQfreemem(message);
    }
    if (into.size() >= enough) co_return CopyRead::more;
    if (!co_await watch_.wait(SocketWatch::Direction::read, deadline)) {
      co_return into.empty() ? CopyRead::late : CopyRead::more;
    }
    if (PQconsumeInput(handle_) == 0) {
      lose();
    }
  }
}

Awaitable<bool> Link::write_copy(std::string_view piece, SteadyTime deadline) {
  assert(is_copying_ && copy_ == Copy::in);
  bool is_queued = false;
  while (true) {
    if (!is_queued) {
      const int answer = PQputCopyData(handle_, piece.data(), static_cast<int>(piece.size()));
      if (answer < 0) {
        lose();
      }
      is_queued = answer > 0;
    }
    const int unsent = PQflush(handle_);
    if (unsent < 0) {
      lose();
    }
    // All is sent before more is taken: that is what holds the source back.
    if (is_queued && unsent == 0) co_return true;
    if (!co_await watch_.wait(SocketWatch::Direction::both, deadline)) co_return false;
    if (PQconsumeInput(handle_) == 0) {
      lose();
    }
  }
}

void Link::end_copy(const char* failure) {
  assert(is_copying_ && copy_ == Copy::in);
  is_copying_ = false;
  if (PQputCopyEnd(handle_, failure) != 1) {
    lose();
  }
}

}  // namespace pgcaretaker::pg
