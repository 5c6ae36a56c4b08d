// SPDX-License-Identifier: Apache-2.0
// The planner's price decides between counting and sampling.
#include "outbox/count.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "outbox/expression.hpp"
#include "outbox/statement.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::outbox {

namespace {

// Planner units (1 = one page read in order, 4 = one at random): some 7,000 pages in order, or a
// sample of about 2,000, which puts a large state within a few per cent; tens of milliseconds.
constexpr double price_budget = 10'000;
// The planner may be wrong; this is the bound that holds.
constexpr Duration count_timeout = std::chrono::seconds{1};
// A lock on the table is somebody's migration: tell it rather than wait for it.
constexpr Duration observe_lock_timeout = std::chrono::milliseconds{500};

struct Counts {
  std::optional<std::int64_t> rows;
  std::optional<std::int64_t> due;
  std::optional<double> oldest_seconds;
};

/// One counting statement, with or without asking for its price first.
struct Question {
  std::string sql;
  bool only_if_cheap = true;
};

double price_in(std::string_view explained) {
  return nlohmann::json::parse(explained).at(0).at("Plan").at("Total Cost").get<double>();
}

Awaitable<double> price(pg::Connection& connection, const std::string& sql) {
  const pg::Result plan = co_await connection.query("outbox.price", "EXPLAIN (FORMAT JSON) " + sql);
  co_return price_in(plan.only_row().text("QUERY PLAN"));
}

Awaitable<void> in_observation(pg::Connection& connection,
                               const std::function<Awaitable<void>()>& work) {
  pg::TransactionOptions options;
  options.lock_timeout = observe_lock_timeout;
  options.statement_timeout = count_timeout;
  options.read_only = true;
  const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
    // Parallel workers belong to the application.
    co_await connection.query("outbox.no_parallel",
                              "SET LOCAL max_parallel_workers_per_gather = 0");
    co_await work();
  };
  co_await pg::transact(connection, options, body);
}

/// nullopt: too expensive, or it ran into the timeout.
Awaitable<std::optional<Counts>> ask(pg::Connection& connection, const Question& question) {
  std::optional<Counts> counts;
  const std::function<Awaitable<void>()> work = [&]() -> Awaitable<void> {
    if (question.only_if_cheap) {
      const double cost = co_await price(connection, question.sql);
      if (cost > price_budget) co_return;
    }
    const pg::Result result = co_await connection.query("outbox.count", question.sql);
    const pg::Row row = result.only_row();
    counts = Counts{row.get<std::optional<std::int64_t>>("rows"),
                    row.get<std::optional<std::int64_t>>("due"),
                    row.get<std::optional<double>>("oldest_seconds")};
  };
  try {
    co_await in_observation(connection, work);
  } catch (const pg::Error& error) {
    if (!error.is_statement_timeout() || connection.state() != pg::SessionState::ready) throw;
  }
  co_return counts;
}

/// The share of the pages, in per cent, that the budget pays for.
Awaitable<double> affordable_percent(pg::Connection& connection, const std::string& whole_sql) {
  double cost = 0;
  const std::function<Awaitable<void>()> work = [&]() -> Awaitable<void> {
    cost = co_await price(connection, whole_sql);
  };
  co_await in_observation(connection, work);
  co_return std::clamp(100.0 * price_budget / std::max(cost, 1.0), 1e-6, 100.0);
}

std::optional<std::int64_t> scaled(std::optional<std::int64_t> rows, double percent) {
  if (!rows) return std::nullopt;
  return std::llround(static_cast<double>(*rows) * 100.0 / percent);
}

bool cutoff_reached(const Terms& terms, const StateCount& count) {
  return terms.keep && count.oldest_seconds &&
         *count.oldest_seconds > std::chrono::duration<double>(*terms.keep).count();
}

/// What one statement cannot afford: a sample for all of it, then the parts that an index can
/// answer.
Awaitable<void> estimate(pg::Connection& connection, const config::TableName& table,
                         const Terms& terms, UtcTime as_of, StateCount& count) {
  const double percent = co_await affordable_percent(
      connection, count_sql(table, terms, as_of, Wanted::everything, 100.0));
  Question question;
  question.sql = count_sql(table, terms, as_of, Wanted::everything, percent);
  question.only_if_cheap = false;
  const auto sample = co_await ask(connection, question);
  question.only_if_cheap = true;
  question.sql = count_sql(table, terms, as_of, Wanted::oldest, std::nullopt);
  const auto oldest = co_await ask(connection, question);
  std::optional<Counts> due;
  if (terms.keep) {
    question.sql = count_sql(table, terms, as_of, Wanted::due, std::nullopt);
    due = co_await ask(connection, question);
  }
  count.rows_are_estimate = true;
  count.due_is_estimate = !due;
  if (sample) {
    count.rows = scaled(sample->rows, percent);
    count.due_rows = scaled(sample->due, percent);
    count.oldest_seconds = sample->oldest_seconds;
  } else {
    count.obstacle = Obstacle{Obstacle::Kind::too_slow, "", ""};
  }
  if (oldest) count.oldest_seconds = oldest->oldest_seconds;
  if (due) count.due_rows = due->due;
  // A sample misses the first few due rows; the index does not.
  if (!due && oldest && cutoff_reached(terms, count) && count.due_rows == 0) count.due_rows = 1;
}

Awaitable<void> count_state(pg::Connection& connection, const config::TableName& table,
                            const Terms& terms, UtcTime as_of, StateCount& count) {
  Question question;
  question.sql = count_sql(table, terms, as_of, Wanted::everything, std::nullopt);
  const auto exact = co_await ask(connection, question);
  if (!exact) {
    co_await estimate(connection, table, terms, as_of, count);
    co_return;
  }
  count.rows = exact->rows;
  count.due_rows = exact->due;
  count.oldest_seconds = exact->oldest_seconds;
}

/// nullopt: not the fault of this state, the pass cannot go on.
std::optional<Obstacle> obstacle_of(const pg::Error& error, const Terms& terms) {
  const std::string& sqlstate = error.sqlstate();
  if (error.is_connection_lost() || error.kind() != pg::Error::Kind::refused) return std::nullopt;
  if (error.is_insufficient_privilege()) {
    return Obstacle{Obstacle::Kind::no_privilege, "", error.message()};
  }
  if (error.is_lock_timeout()) return Obstacle{Obstacle::Kind::locked, "", error.message()};
  if (error.is_statement_timeout()) return Obstacle{Obstacle::Kind::too_slow, "", error.message()};
  // 42 syntax and names, 0A not supported, 21 and 22 values met while counting, P0 raised by a
  // function
  for (const char* of_class : {"42", "0A", "21", "22", "P0"}) {
    if (sqlstate.compare(0, 2, of_class) == 0) {
      return Obstacle{Obstacle::Kind::bad_expression, terms.where_key + " or " + terms.since_key,
                      error.message()};
    }
  }
  return std::nullopt;
}

/// Which of the two expressions the server does not accept.
Awaitable<std::string> key_at_fault(pg::Connection& connection, const config::TableName& table,
                                    const Terms& terms) {
  bool where_is_bad = false;
  const std::function<Awaitable<void>()> work = [&]() -> Awaitable<void> {
    co_await connection.query("outbox.where", where_only_sql(table, terms));
  };
  try {
    co_await in_observation(connection, work);
  } catch (const pg::Error& error) {
    if (connection.state() != pg::SessionState::ready) throw;
    where_is_bad = true;
  }
  co_return where_is_bad ? terms.where_key : terms.since_key;
}

std::optional<Obstacle> text_obstacle(const Terms& terms) {
  if (const auto problem = expression_problem(terms.where)) {
    return Obstacle{Obstacle::Kind::bad_expression, terms.where_key, *problem};
  }
  if (const auto problem = expression_problem(terms.since)) {
    return Obstacle{Obstacle::Kind::bad_expression, terms.since_key, *problem};
  }
  return std::nullopt;
}

}  // namespace

Awaitable<StateCount> observe_state(pg::Connection& connection, const config::TableName& table,
                                    const Terms& terms, UtcTime as_of) {
  StateCount count;
  count.state = terms.state;
  count.obstacle = text_obstacle(terms);
  if (count.obstacle) co_return count;
  bool ask_which = false;
  try {
    co_await count_state(connection, table, terms, as_of, count);
  } catch (const pg::Error& error) {
    count.obstacle = obstacle_of(error, terms);
    if (!count.obstacle || connection.state() != pg::SessionState::ready) throw;
    ask_which = error.sqlstate().compare(0, 2, "42") == 0 &&
                count.obstacle->kind == Obstacle::Kind::bad_expression;
  }
  if (ask_which) {
    std::string key = co_await key_at_fault(connection, table, terms);
    count.obstacle->key = std::move(key);
  }
  if (count.obstacle) {
    count.rows.reset();
    count.due_rows.reset();
    count.oldest_seconds.reset();
    count.rows_are_estimate = false;
  }
  co_return count;
}

}  // namespace pgcaretaker::outbox
