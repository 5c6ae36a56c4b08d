// SPDX-License-Identifier: Apache-2.0
// COPY as one statement of a session: begun, streamed under back pressure, ended or abandoned.
#include <utility>

#include "async/shield.hpp"
#include "postgres/connection_impl.hpp"

namespace pgcaretaker::pg {

namespace {

// Large enough that a piece is worth a hand-over to another thread, small enough to be no matter.
constexpr std::size_t piece_bytes = std::size_t{1} << 20;

}  // namespace

SteadyTime Connection::Impl::stall_deadline(Duration stall) const {
  return std::min(deadline_, std::chrono::steady_clock::now() + stall);
}

/// To the first byte it may take as long as any statement: it may have to wait for a lock.
Awaitable<void> Connection::Impl::begin_copy() {
  co_await await_answer(deadline_of_next());
  if (link_.is_copying()) co_return;
  link_.take_answer();
  throw Error{Error::Kind::unexpected, "the statement is no COPY in the wanted direction"};
}

Awaitable<void> Connection::Impl::pump_out(const CopySink& sink, Duration stall) {
  co_await begin_copy();
  std::string piece;
  Link::CopyRead read = Link::CopyRead::more;
  while (read != Link::CopyRead::end) {
    read = co_await link_.read_copy(piece, piece_bytes, stall_deadline(stall));
    if (read == Link::CopyRead::late) {
      throw no_answer(Error::Kind::deadline, stall);
    }
    if (!piece.empty()) {
      co_await sink(piece);
    }
    piece.clear();
  }
  co_await await_answer(stall_deadline(stall));
}

Awaitable<void> Connection::Impl::pump_in(const CopySource& source, Duration stall) {
  co_await begin_copy();
  while (true) {
    const std::string_view piece = co_await source();
    if (piece.empty()) break;
    const bool has_gone = co_await link_.write_copy(piece, stall_deadline(stall));
    if (!has_gone) {
      throw no_answer(Error::Kind::deadline, stall);
    }
  }
  link_.end_copy();
  co_await await_answer(deadline_of_next());
}

Awaitable<std::int64_t> Connection::Impl::copy(std::string name, std::string sql,
                                               Link::Copy direction,
                                               const std::function<Awaitable<void>()>& pump) {
  const Flight flight{in_flight_};
  const auto clean_up = [this] { return recover(); };
  try {
    static_cast<void>(deadline_of_next());
    link_.send_copy(sql, direction);
    Awaitable<void> work = pump();
    co_await async::shield(std::move(work), clean_up, recovery_budget);
    const Result result = link_.take_answer();
    co_return result.affected();
  } catch (const Error& error) {
    throw named(error, name);
  }
}

Awaitable<std::int64_t> Connection::Impl::copy_out(std::string name, std::string sql, CopySink sink,
                                                   Duration stall) {
  const auto pump = [&] { return pump_out(sink, stall); };
  co_return co_await copy(std::move(name), std::move(sql), Link::Copy::out, pump);
}

Awaitable<std::int64_t> Connection::Impl::copy_in(std::string name, std::string sql,
                                                  CopySource source, Duration stall) {
  const auto pump = [&] { return pump_in(source, stall); };
  co_return co_await copy(std::move(name), std::move(sql), Link::Copy::in, pump);
}

/// After this only the outcome is left to be read; false = not before `deadline`.
Awaitable<bool> Connection::Impl::abandon_copy(SteadyTime deadline) {
  if (link_.is_copying() && link_.copy_direction() == Link::Copy::in) {
    link_.end_copy("the client gave up");
  }
  std::string unread;
  while (link_.is_copying()) {
    const Link::CopyRead read = co_await link_.read_copy(unread, piece_bytes, deadline);
    if (read == Link::CopyRead::late) co_return false;
    unread.clear();
  }
  co_return true;
}

/// Reads to the end of what was cancelled; false = not before `deadline`. A COPY may begin only
/// now.
Awaitable<bool> Connection::Impl::drain(SteadyTime deadline) {
  bool is_over = false;
  while (!is_over) {
    bool is_read = co_await abandon_copy(deadline);
    if (is_read) is_read = co_await link_.finish(deadline);
    if (!is_read) co_return false;
    is_over = !link_.is_copying();
  }
  co_return true;
}

Awaitable<std::int64_t> Connection::copy_out(std::string name, std::string sql, CopySink sink,
                                             Duration stall) {
  return impl_->copy_out(std::move(name), std::move(sql), std::move(sink), stall);
}

Awaitable<std::int64_t> Connection::copy_in(std::string name, std::string sql, CopySource source,
                                            Duration stall) {
  return impl_->copy_in(std::move(name), std::move(sql), std::move(source), stall);
}

}  // namespace pgcaretaker::pg
