// SPDX-License-Identifier: Apache-2.0
// Settings as one SELECT of set_config calls: one round trip, values as parameters.
#include "postgres/session.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "postgres/error.hpp"

namespace pgcaretaker::pg {

namespace {

// 13 is out of support, and lacks idle_session_timeout and DETACH PARTITION ... CONCURRENTLY.
constexpr int oldest_server_version = 140000;

}  // namespace

void require_supported(int version, const std::string& peer) {
  if (version < oldest_server_version) {
    throw Error{Error::Kind::refused,
                fmt::format("{} runs PostgreSQL {}.{}: {} or newer is needed", peer,
                            version / 10000, version % 10000, oldest_server_version / 10000)};
  }
}

Discipline session_discipline(const config::Database& database) {
  const auto milliseconds = [](Duration time) { return fmt::format("{}ms", time.count()); };
  std::vector<std::pair<std::string, std::string>> settings{
      {"TimeZone", "UTC"},
      {"DateStyle", "ISO, YMD"},
      {"IntervalStyle", "postgres"},
      {"search_path", ""},
      // A policy that hides rows from us must be an error, not a smaller answer.
      {"row_security", "off"},
      {"standard_conforming_strings", "on"},
      {"client_min_messages", "warning"},
      // Statements that look, wait for a lock and look again need a fresh snapshot each time.
      {"default_transaction_isolation", "read committed"},
      {"statement_timeout", milliseconds(database.statement_timeout)},
      {"idle_in_transaction_session_timeout", milliseconds(database.idle_in_transaction_timeout)},
      // The lease's session is idle by design.
      {"idle_session_timeout", "0"}};
  if (!database.role.empty()) settings.emplace_back("role", database.role);
  Discipline discipline;
  for (const auto& [name, value] : settings) {
    const std::size_t number = discipline.params.values().size() + 1;
    discipline.sql += fmt::format("{} pg_catalog.set_config('{}', ${}, false)",
                                  discipline.sql.empty() ? "SELECT" : ",", name, number);
    discipline.params.add(value);
  }
  // A statement that waits for a lock must not outlive a client that was killed: whoever queues
  // behind it would wait for nobody's sake. Only some systems can look, and others refuse the word.
  discipline.sql +=
      ", CASE WHEN pg_catalog.version() LIKE '%linux%' THEN "
      "pg_catalog.set_config('client_connection_check_interval', '1s', false) END";
  // What takes long has limits of its own. From 17 on only; elsewhere the word is an error.
  discipline.sql +=
      ", CASE WHEN pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL THEN "
      "pg_catalog.set_config('transaction_timeout', '0', false) END";
  return discipline;
}

}  // namespace pgcaretaker::pg
