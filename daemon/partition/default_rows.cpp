// SPDX-License-Identifier: Apache-2.0
// Counting with a limit, and looking for rows that would block a new partition.
#include "partition/default_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "partition/default_contents.hpp"
#include "partition/look.hpp"

namespace pgcaretaker::partition {

namespace {

constexpr std::int64_t most_counted = 10'000;

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::vector<bool> blocked_by(const DefaultContents& contents, const Draft& draft) {
  std::vector<bool> blocked;
  for (const Missing& missing : draft.missing) {
    blocked.push_back(std::ranges::any_of(contents.stranded, [&](const Stranded& stranded) {
      return stranded.range.lower < missing.range.upper &&
             missing.range.lower < stranded.range.upper;
    }));
  }
  return blocked;
}

}  // namespace

Awaitable<std::optional<DefaultRows>> count_default_rows(pg::Connection& connection,
                                                         const config::Partition& settings,
                                                         const Snapshot& snapshot) {
  std::optional<DefaultRows> found;
  const ObservedPartition* partition = default_of(snapshot);
  if (partition == nullptr) co_return found;
  found.emplace();
  found->rows = partition->rows;
  found->estimated = true;
  if (partition->kind == 'f') co_return found;  // counting would ask another server
  const std::string sql =
      fmt::format("SELECT count(*)::text AS value FROM (SELECT FROM {} LIMIT {}) AS counted",
                  partition->name.sql(), most_counted + 1);
  const pg::Params none;
  const Look look = co_await look_at(connection, settings, "partition.default_rows", sql, none);
  if (!look.error.empty() || look.rows.empty()) {
    found->error = look.error;
    if (look.forbidden) {
      found->error += fmt::format("; GRANT SELECT ON {} TO {}, unrestricted by row-level security",
                                  partition->name.sql(), config::quote_identifier(snapshot.role));
    }
    co_return found;
  }
  const std::int64_t counted = number(look.rows.front());
  found->estimated = counted > most_counted;
  found->rows = found->estimated ? std::max(counted, partition->rows.value_or(0)) : counted;
  co_return found;
}

Awaitable<std::vector<bool>> ask_blocked(pg::Connection& connection,
                                         const config::Partition& settings,
                                         const Snapshot& snapshot, const Draft& draft,
                                         const DefaultContents& contents) {
  std::vector<bool> blocked;
  const ObservedPartition* partition = default_of(snapshot);
  const bool has_rows = snapshot.default_rows && snapshot.default_rows->error.empty() &&
                        snapshot.default_rows->rows.value_or(0) > 0;
  if (partition == nullptr || !has_rows || partition->kind == 'f') co_return blocked;
  if (draft.missing.empty()) co_return blocked;
  if (contents.complete) co_return blocked_by(contents, draft);
  std::vector<std::string> lowers;
  std::vector<std::string> uppers;
  for (const Missing& missing : draft.missing) {
    lowers.push_back(bound_literal(*draft.key, missing.range.lower));
    uppers.push_back(bound_literal(*draft.key, missing.range.upper));
  }
  const std::string key = config::quote_identifier(snapshot.table.key_column);
  const std::string sql = fmt::format(
      "SELECT r.position::text AS value\n"
      "  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (lower, upper, position)\n"
      " WHERE EXISTS (SELECT FROM {0} AS d\n"
      "                WHERE d.{1} >= r.lower::{2} AND d.{1} < r.upper::{2})",
      partition->name.sql(), key, sql_type(*draft.key));
  pg::Params params;
  params.add(lowers);
  params.add(uppers);
  const Look look = co_await look_at(connection, settings, "partition.default_blocks", sql, params);
  if (!look.error.empty()) co_return blocked;
  blocked.resize(draft.missing.size());
  for (const auto& position : look.rows) {
    blocked[static_cast<std::size_t>(number(position) - 1)] = true;
  }
  co_return blocked;
}

}  // namespace pgcaretaker::partition
