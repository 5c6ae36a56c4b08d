// SPDX-License-Identifier: Apache-2.0
// Columns as config/journal.sql names them.
#include "partition/journal.hpp"

#include <fmt/format.h>

#include "partition/steps.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

constexpr std::string_view rows_setting = "pgcaretaker.rows";

/// `source` is what follows SELECT's list, with c, a row of pg_class.
task::Statement row_about(const JournalHead& head, std::string_view action, std::string_view bounds,
                          std::string_view reason, std::string_view source) {
  task::Statement statement;
  statement.name = statement::journal;
  statement.sql = fmt::format(
      "INSERT INTO {} (host, plan_id, task, action, subject, bounds, rows, bytes, reason)\n"
      "SELECT {}, {}, {}, {}, c.oid::pg_catalog.regclass::text, {},\n"
      "       coalesce(nullif(pg_catalog.current_setting('{}', true), '')::int8,\n"
      "                CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END),\n"
      "       pg_catalog.pg_total_relation_size(c.oid), {}\n"
      "  FROM {}\n"
      "RETURNING 1",
      head.table.sql(), pg::quote_literal(head.host), pg::quote_literal(head.plan_id),
      pg::quote_literal(head.task), pg::quote_literal(action), bounds, rows_setting,
      pg::quote_literal(reason), source);
  statement.expect_rows = 1;
  statement.may_fail = !head.required;
  return statement;
}

}  // namespace

task::Statement counted_rows_statement() {
  task::Statement rows;
  rows.name = statement::counted_rows;
  rows.sql = fmt::format("SELECT pg_catalog.set_config('{}', $1::text, true)", rows_setting);
  rows.params = {"number of its rows"};
  return rows;
}

task::Statement journal_statement(const JournalHead& head, std::string_view action,
                                  std::string_view condition, std::string_view reason) {
  return row_about(
      head, action, "pg_catalog.pg_get_expr(c.relpartbound, 0)", reason,
      fmt::format(
          "pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid\n"
          " WHERE {}",
          condition));
}

task::Statement journal_of_table(const JournalHead& head, std::string_view action,
                                 std::int64_t table, std::string_view bounds,
                                 std::string_view reason) {
  return row_about(head, action, pg::quote_literal(bounds), reason,
                   fmt::format("pg_catalog.pg_class AS c WHERE c.oid = {}", table));
}

}  // namespace pgcaretaker::partition
