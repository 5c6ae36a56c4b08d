// SPDX-License-Identifier: Apache-2.0
// Rows of the journal behind a savepoint, with little time.
#include "partition/journal_apply.hpp"

#include <fmt/format.h>

#include <span>

#include "postgres/error.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Statement;
using task::Step;

/// Why the rows do not stand; "" = they do.
Awaitable<std::string> try_to_write(pg::Connection& connection, std::span<const Statement> rows) {
  std::string problem;
  try {
    for (const Statement& sent : rows) {
      const pg::Params none;
      const pg::Result result = co_await connection.run(sent.name, sent.sql, none);
      if (sent.expect_rows && result.size() != *sent.expect_rows) {
        problem = "its row did not arrive: a trigger or a rule keeps it out";
      }
    }
  } catch (const pg::Error& error) {
    if (connection.state() == pg::SessionState::closed) throw;
    problem = error.message();
  }
  co_return problem;
}

}  // namespace

Awaitable<std::size_t> write_if_possible(pg::Connection& connection, const Step& step,
                                         std::size_t first, std::vector<task::Finding>& findings) {
  std::size_t count = 0;
  while (first + count < step.statements.size() && step.statements[first + count].may_fail)
    ++count;
  co_await connection.query("journal.savepoint", "SAVEPOINT journal");
  // Others wait for the act's locks: a row that is not written at once is not waited for. OFFSET 0
  // lets what was set be read first.
  const pg::Result before = co_await connection.query(
      "journal.limit",
      "SELECT was.*, pg_catalog.set_config('lock_timeout', '50ms', true),\n"
      "       pg_catalog.set_config('statement_timeout', '500ms', true)\n"
      "  FROM (SELECT pg_catalog.current_setting('lock_timeout') AS lock_timeout,\n"
      "               pg_catalog.current_setting('statement_timeout') AS statement_timeout\n"
      "        OFFSET 0) AS was");
  const pg::Row row = before.only_row();
  const auto lock_timeout = row.get<std::string>("lock_timeout");
  const auto statement_timeout = row.get<std::string>("statement_timeout");
  const std::span<const Statement> rows{step.statements.data() + first, count};
  const std::string problem = co_await try_to_write(connection, rows);
  if (!problem.empty()) {
    // Takes the limits back as well.
    co_await connection.query("journal.rollback", "ROLLBACK TO SAVEPOINT journal");
    findings.push_back(task::Finding{
        task::Severity::warning, "journal_failed", step.subject,
        fmt::format("{} done, but not written down in the journal: {}", step.action, problem)});
  }
  co_await connection.query("journal.release", "RELEASE SAVEPOINT journal");
  if (problem.empty()) {
    co_await connection.query("journal.limit_back",
                              "SELECT pg_catalog.set_config('lock_timeout', $1, true),\n"
                              "       pg_catalog.set_config('statement_timeout', $2, true)",
                              lock_timeout, statement_timeout);
  }
  co_return count;
}

}  // namespace pgcaretaker::partition
