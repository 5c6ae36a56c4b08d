// SPDX-License-Identifier: Apache-2.0
// What the builders of steps share: names always quoted, literals from values we formatted or
// quoted ourselves.
#include "partition/steps.hpp"

#include <fmt/format.h>

#include <iterator>

namespace pgcaretaker::partition {

using task::Statement;
using task::Step;

Statement make_statement(std::string_view name, std::string sql, std::optional<int> expect_rows) {
  return Statement{std::string{name}, std::move(sql), {}, expect_rows};
}

Statement lock_only(const config::TableName& table) {
  return make_statement(statement::lock,
                        fmt::format("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE", table.sql()));
}

std::string dollar_quoted(std::string_view body) {
  std::string tag = "$pgcaretaker$";
  while (body.find(tag) != std::string_view::npos) {
    tag.insert(1, "x");
  }
  return fmt::format("{}{}{}", tag, body, tag);
}

void add_names(std::string& lock, const std::vector<Neighbour>& tables) {
  for (const Neighbour& table : tables) {
    lock += ", " + table.name;
  }
}

std::vector<pg::WantedLock> wanted_locks(const StepContext& context, pg::LockMode on_parent,
                                         const ObservedPartition* partition) {
  std::vector<pg::WantedLock> locks{{context.table_oid, on_parent}};
  if (partition != nullptr) locks.push_back({partition->oid, pg::LockMode::access_exclusive});
  if (context.default_partition) {
    locks.push_back({context.default_partition->oid, pg::LockMode::access_exclusive});
  }
  const auto on_neighbours = on_parent == pg::LockMode::share_update_exclusive
                                 ? pg::LockMode::share_row_exclusive
                                 : pg::LockMode::access_exclusive;
  for (const Neighbour& table : context.referenced) {
    locks.push_back({table.oid, on_neighbours, true});
  }
  for (const Neighbour& table : context.referencing) {
    locks.push_back({table.oid, on_neighbours, true});
  }
  return locks;
}

void append(std::vector<Statement>& to, std::vector<Statement> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

void set_size(Step& step, const ObservedPartition& partition) {
  step.rows = partition.rows;
  // Before the first VACUUM or ANALYZE the catalog says nothing of either.
  if (partition.rows || partition.bytes > 0) step.bytes = partition.bytes;
}

void write_down(const StepContext& context, Step& step, const std::string& condition) {
  if (!context.journal) return;
  step.statements.push_back(
      journal_statement(*context.journal, step.action, condition, step.reason));
}

std::string planned_bounds(const Step& step) {
  static constexpr std::string_view before_bounds = "FOR VALUES ";
  std::string bounds;
  for (const Statement& sent : step.statements) {
    if (sent.name != statement::attach && sent.name != statement::verify_created) continue;
    const std::string& text = sent.params.empty() ? sent.sql : sent.params.front();
    const auto from = text.find(before_bounds);
    if (from == std::string::npos) continue;
    bounds += (bounds.empty() ? "" : ", ") + text.substr(from + before_bounds.size());
  }
  return bounds;
}

std::string subquery(std::string_view sql) {
  const auto last = sql.find_last_not_of(" \t\r\n;");
  sql = sql.substr(0, last == std::string_view::npos ? 0 : last + 1);
  // The line break keeps a comment at its end from swallowing the parenthesis.
  return fmt::format("({}\n)", sql);
}

}  // namespace pgcaretaker::partition
