// SPDX-License-Identifier: Apache-2.0
// Statements from expressions: each stands in parentheses, on lines of its own, so that neither an
// OR nor a trailing comment of the configuration reaches further than it.
#include "outbox/statement.hpp"

#include <fmt/format.h>

#include "postgres/timestamp.hpp"

namespace pgcaretaker::outbox {

namespace {

std::string enclosed(const std::string& expression) {
  return "(\n" + expression + "\n)";
}

/// A condition that gives null for a row does not claim it.
std::string sparing(const Terms& terms) {
  std::string sql;
  for (const std::string& condition : terms.spared) {
    sql += " AND " + enclosed(condition) + " IS NOT TRUE";
  }
  return sql;
}

std::string literal(UtcTime time) {
  return "'" + pg::format_timestamp(time) + "'::timestamptz";
}

}  // namespace

std::vector<Terms> configured_states(const config::Outbox& settings) {
  std::vector<Terms> states;
  if (!settings.pending.empty()) {
    states.push_back(Terms{State::pending,
                           settings.pending,
                           settings.pending_since,
                           std::nullopt,
                           "outbox.pending",
                           "outbox.pending_since",
                           {}});
  }
  if (settings.done && !settings.done->where.empty()) {
    states.push_back(Terms{State::done,
                           settings.done->where,
                           settings.done->since,
                           settings.done->keep,
                           "outbox.done.where",
                           "outbox.done.since",
                           {}});
  }
  if (settings.dead && !settings.dead->where.empty()) {
    states.push_back(Terms{State::dead,
                           settings.dead->where,
                           settings.dead->since,
                           settings.dead->keep,
                           "outbox.dead.where",
                           "outbox.dead.since",
                           {}});
  }
  for (Terms& terms : states) {
    for (const Terms& other : states) {
      const bool spares = (terms.state == State::done && other.state != State::done) ||
                          (terms.state == State::dead && other.state == State::pending);
      if (spares) terms.spared.push_back(other.where);
    }
  }
  return states;
}

std::optional<UtcTime> cutoff_of(const Terms& terms, UtcTime as_of) {
  return terms.keep ? std::optional{as_of - *terms.keep} : std::nullopt;
}

std::string count_sql(const config::TableName& table, const Terms& terms, UtcTime as_of,
                      Wanted wanted, std::optional<double> sample_percent) {
  const std::string since = enclosed(terms.since);
  const auto cutoff = cutoff_of(terms, as_of);
  const std::string older = cutoff ? since + " < " + literal(*cutoff) + sparing(terms) : "false";
  const bool everything = wanted == Wanted::everything;
  const std::string rows = everything ? "count(*)" : "NULL::bigint";
  // min() of the bare expression, without a FILTER: only so can an index answer it.
  const std::string oldest =
      everything || wanted == Wanted::oldest ? "min(" + since + ")" : "NULL::timestamptz";
  std::string due = "NULL::bigint";
  if (cutoff && everything) due = "count(*) FILTER (WHERE " + older + ")";
  if (wanted == Wanted::due) due = "count(*)";
  return fmt::format(
      "SELECT counted.rows, counted.due, CASE WHEN isfinite(counted.oldest) THEN "
      "extract(epoch FROM {} - counted.oldest)::double precision END AS oldest_seconds\n"
      "FROM (SELECT {} AS rows, {} AS oldest, {} AS due\nFROM {}{}\nWHERE {}{}) AS counted",
      literal(as_of), rows, oldest, due, table.sql(),
      sample_percent ? fmt::format(" TABLESAMPLE SYSTEM ({:.6f})", *sample_percent) : "",
      enclosed(terms.where), wanted == Wanted::due ? " AND " + older : "");
}

std::string where_only_sql(const config::TableName& table, const Terms& terms) {
  return fmt::format("EXPLAIN SELECT 1 FROM {}\nWHERE {}", table.sql(), enclosed(terms.where));
}

namespace {

// Evaluated once, after the plan is made and before the first row: the triggers and foreign keys
// that fire for our rows must not plan their own statements without their indexes.
constexpr std::string_view planner_free_again =
    "(SELECT bool_and(set_config(name, 'on', true) IS NOT NULL)\n"
    "       FROM unnest(ARRAY['enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan', "
    "'enable_seqscan']) AS name)";

}  // namespace

std::string sweep_sql(const config::TableName& outbox, const config::TableName& heap,
                      const Terms& terms) {
  return fmt::format(
      "DELETE FROM ONLY {} AS {}\nWHERE ctid >= $2::tid AND ctid < $3::tid AND {} AND {} < "
      "$1::timestamptz{}\n  AND {}",
      heap.sql(), config::quote_identifier(outbox.name), enclosed(terms.where),
      enclosed(terms.since), sparing(terms), planner_free_again);
}

std::string block_address(std::int64_t block) {
  return fmt::format("({},0)", block);
}

}  // namespace pgcaretaker::outbox
