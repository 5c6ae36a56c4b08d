// SPDX-License-Identifier: Apache-2.0
// The libpq calls of an open session, in the order that libpq wants.
#include "postgres/link.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <cassert>
#include <utility>
#include <vector>

namespace pgcaretaker::pg {

namespace {

constexpr int text_format = 0;

std::string field(const PGresult* result, int code) {
  const char* const text = PQresultErrorField(result, code);
  return text == nullptr ? std::string{} : text;
}

bool is_refusal(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

std::vector<const char*> pointers_to(const Params& params) {
  std::vector<const char*> values;
  values.reserve(params.values().size());
  for (const auto& value : params.values()) {
    values.push_back(value ? value->c_str() : nullptr);
  }
  return values;
}

}  // namespace

Error no_answer(Error::Kind kind, SteadyTime::duration patience) {
  const std::chrono::duration<double> seconds = patience;
  return Error{kind, fmt::format("no answer within {:.1f} s", seconds.count())};
}

Link::~Link() {
  close();
}

void Link::close() noexcept {
  // The order matters: once libpq has closed its socket, the number may be somebody else's.
  watch_.release();
  PQclear(answer_);
  answer_ = nullptr;
  is_copying_ = false;
  PQfinish(handle_);
  handle_ = nullptr;
}

void Link::close_because(std::string reason) noexcept {
  reason_ = std::move(reason);
  reason_sqlstate_.clear();
  close();
}

bool Link::is_active() const {
  return handle_ != nullptr && PQtransactionStatus(handle_) == PQTRANS_ACTIVE;
}

bool Link::is_in_transaction() const {
  return handle_ != nullptr && PQtransactionStatus(handle_) != PQTRANS_IDLE;
}

bool Link::is_transaction_failed() const {
  return handle_ != nullptr && PQtransactionStatus(handle_) == PQTRANS_INERROR;
}

Error Link::lost_error() const {
  return Error{Error::Kind::connection, reason_, reason_sqlstate_};
}

void Link::keep_reason() {
  // What the server said before it hung up tells more than that it hung up.
  if (answer_ != nullptr && is_refusal(answer_)) {
    reason_ = field(answer_, PG_DIAG_MESSAGE_PRIMARY);
    reason_sqlstate_ = field(answer_, PG_DIAG_SQLSTATE);
    if (!reason_.empty()) return;
  }
  if (!ended_by_server_) {
    reason_ = first_line(PQerrorMessage(handle_));
    if (reason_.empty()) reason_ = "the connection was closed";
    reason_sqlstate_.clear();
  }
}

void Link::lose() {
  keep_reason();
  close();
  throw lost_error();
}

void Link::on_notice(void* link, const pg_result* notice) {
  const std::string severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == "FATAL" || severity == "PANIC") {
    auto& self = *static_cast<Link*>(link);
    self.ended_by_server_ = true;
    self.reason_ = field(notice, PG_DIAG_MESSAGE_PRIMARY);
    self.reason_sqlstate_ = field(notice, PG_DIAG_SQLSTATE);
  }
}

void Link::begin_statement() {
  assert(handle_ != nullptr && !is_active());
  copy_ = Copy::none;
  PQclear(answer_);
  answer_ = nullptr;
}

void Link::require_sent(bool is_sent) {
  if (is_sent) return;
  if (PQstatus(handle_) == CONNECTION_OK) {
    throw Error{Error::Kind::unexpected, PQerrorMessage(handle_)};
  }
  lose();
}

void Link::send(const std::string& sql, const Params& params) {
  begin_statement();
  const std::vector<const char*> values = pointers_to(params);
  require_sent(PQsendQueryParams(handle_, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                 values.data(), nullptr, nullptr, text_format) == 1);
}

void Link::send_prepare(const std::string& name, const std::string& sql) {
  begin_statement();
  require_sent(PQsendPrepare(handle_, name.c_str(), sql.c_str(), 0, nullptr) == 1);
}

void Link::send_prepared(const std::string& name, const Params& params) {
  begin_statement();
  const std::vector<const char*> values = pointers_to(params);
  require_sent(PQsendQueryPrepared(handle_, name.c_str(), static_cast<int>(values.size()),
                                   values.data(), nullptr, nullptr, text_format) == 1);
}

void Link::send_script(const std::string& sql) {
  begin_statement();
  if (PQsendQuery(handle_, sql.c_str()) != 1) {
    lose();
  }
}

void Link::collect(pg_result* result) {
  const auto status = PQresultStatus(result);
  if ((status == PGRES_COPY_OUT && copy_ == Copy::out) ||
      (status == PGRES_COPY_IN && copy_ == Copy::in)) {
    PQclear(result);
    is_copying_ = true;
    return;
  }
  if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
    PQclear(result);
    close_because("the connection was closed because of a COPY");
    throw Error{Error::Kind::unexpected, "COPY cannot be run here"};
  }
  if (answer_ != nullptr && is_refusal(answer_)) {
    PQclear(result);
    return;
  }
  PQclear(answer_);
  answer_ = result;
}

void Link::take_notifications() {
  while (PGnotify* const notification = PQnotifies(handle_)) {
    PQfreemem(notification);
  }
}

Awaitable<bool> Link::finish(SteadyTime deadline) {
  while (true) {
    const int unsent = PQflush(handle_);
    if (unsent < 0) {
      lose();
    }
    while (PQisBusy(handle_) == 0) {
      pg_result* const result = PQgetResult(handle_);
      take_notifications();
      if (PQstatus(handle_) != CONNECTION_OK) {
        if (result != nullptr) collect(result);
        lose();
      }
      if (result == nullptr) co_return true;
      collect(result);
      if (is_copying_) co_return true;
    }
    const auto direction = unsent > 0 ? SocketWatch::Direction::both : SocketWatch::Direction::read;
    if (!co_await watch_.wait(direction, deadline)) co_return false;
    if (PQconsumeInput(handle_) == 0) {
      lose();
    }
  }
}

bool Link::has_own_answer() const {
  return answer_ != nullptr && field(answer_, PG_DIAG_SQLSTATE) != "57014";
}

Result Link::take_answer() {
  assert(answer_ != nullptr);
  Result result{std::exchange(answer_, nullptr)};
  const PGresult* const raw = result.result_;
  if (PQresultStatus(raw) == PGRES_EMPTY_QUERY) {
    throw Error{Error::Kind::unexpected, "the statement is empty"};
  }
  if (is_refusal(raw)) {
    const std::string primary = field(raw, PG_DIAG_MESSAGE_PRIMARY);
    Error error{Error::Kind::refused, primary.empty() ? PQresultErrorMessage(raw) : primary,
                field(raw, PG_DIAG_SQLSTATE)};
    error.detail = field(raw, PG_DIAG_MESSAGE_DETAIL);
    error.hint = field(raw, PG_DIAG_MESSAGE_HINT);
    throw error;
  }
  return result;
}

bool Link::refresh() noexcept {
  if (handle_ == nullptr) return false;
  const bool was_read = PQconsumeInput(handle_) == 1;
  // Parses what came, a FATAL included.
  take_notifications();
  if (was_read && !ended_by_server_ && PQstatus(handle_) == CONNECTION_OK) return true;
  keep_reason();
  close();
  return false;
}

Awaitable<bool> Link::wait_readable(SteadyTime deadline) {
  return watch_.wait(SocketWatch::Direction::read, deadline);
}

}  // namespace pgcaretaker::pg
