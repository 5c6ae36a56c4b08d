// SPDX-License-Identifier: Apache-2.0
// Looking without standing in the way.
#include "partition/look.hpp"

#include <fmt/format.h>

#include <charconv>

#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using namespace std::chrono_literals;

bool is_ours_to_pass_on(const pg::Error& error) {
  return error.is_connection_lost() || error.kind() == pg::Error::Kind::connection;
}

}  // namespace

Awaitable<Look> look_at(pg::Connection& connection, const config::Partition& settings,
                        std::string name, std::string sql, pg::Params params) {
  Look look;
  const auto body = [&]() -> Awaitable<void> {
    const pg::Result result = co_await connection.run(name, sql, params);
    for (const pg::Row row : result) {
      look.rows.push_back(row.get<std::optional<std::string>>("value"));
    }
  };
  pg::TransactionOptions options;
  options.lock_timeout = settings.lock_timeout;
  options.statement_timeout = longest_look;
  options.read_only = true;
  try {
    co_await pg::transact(connection, options, body);
  } catch (const pg::Error& error) {
    if (is_ours_to_pass_on(error) || connection.state() != pg::SessionState::ready) throw;
    look.rows.clear();
    look.error = error.message();
    look.forbidden = error.is_insufficient_privilege();
  }
  co_return look;
}

RetentionAnswer read_days(const std::optional<std::string>& value) {
  RetentionAnswer answer;
  if (!value) return answer;
  std::int64_t days = 0;
  const char* end = value->data() + value->size();
  const auto parsed = std::from_chars(value->data(), end, days);
  if (parsed.ec == std::errc{} && parsed.ptr == end) {
    answer.days = days;
  } else {
    answer.error = fmt::format("it gave \"{}\", which is no whole number of days", *value);
  }
  return answer;
}

}  // namespace pgcaretaker::partition
