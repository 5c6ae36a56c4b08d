// SPDX-License-Identifier: Apache-2.0
// Columns as config/journal.sql names them.
#include "partition/journal.hpp"

#include <fmt/format.h>

#include "partition/steps.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

task::Statement journal_statement(const JournalHead& head, std::string_view action,
                                  std::string_view condition, std::string_view reason) {
  task::Statement statement;
  statement.name = statement::journal;
  statement.sql = fmt::format(
      "INSERT INTO {} (host, plan_id, task, action, subject, bounds, rows, bytes, reason)\n"
      "SELECT {}, {}, {}, {}, c.oid::pg_catalog.regclass::text,\n"
      "       pg_catalog.pg_get_expr(c.relpartbound, 0),\n"
      "       CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END,\n"
      "       pg_catalog.pg_total_relation_size(c.oid), {}\n"
      "  FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid\n"
      " WHERE {}\n"
      "RETURNING 1",
      head.table.sql(), pg::quote_literal(head.host), pg::quote_literal(head.plan_id),
      pg::quote_literal(head.task), pg::quote_literal(action), pg::quote_literal(reason),
      condition);
  statement.expect_rows = 1;
  statement.may_fail = !head.required;
  return statement;
}

task::Statement journal_of_table(const JournalHead& head, std::string_view action,
                                 std::int64_t table, std::string_view bounds,
                                 std::string_view reason) {
  task::Statement statement;
  statement.name = statement::journal;
  statement.sql = fmt::format(
      "INSERT INTO {} (host, plan_id, task, action, subject, bounds, rows, bytes, reason)\n"
      "SELECT {}, {}, {}, {}, c.oid::pg_catalog.regclass::text, {},\n"
      "       CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END,\n"
      "       pg_catalog.pg_total_relation_size(c.oid), {}\n"
      "  FROM pg_catalog.pg_class AS c WHERE c.oid = {}\n"
      "RETURNING 1",
      head.table.sql(), pg::quote_literal(head.host), pg::quote_literal(head.plan_id),
      pg::quote_literal(head.task), pg::quote_literal(action), pg::quote_literal(bounds),
      pg::quote_literal(reason), table);
  statement.expect_rows = 1;
  statement.may_fail = !head.required;
  return statement;
}

}  // namespace pgcaretaker::partition
