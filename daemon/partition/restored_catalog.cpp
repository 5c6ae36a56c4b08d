// SPDX-License-Identifier: Apache-2.0
// The statements of creation, for a table that has been there before.
#include "partition/restored_catalog.hpp"

#include "partition/catalog.hpp"
#include "partition/draft.hpp"
#include "partition/likeness.hpp"
#include "partition/pattern.hpp"
#include "partition/retirement.hpp"

namespace pgcaretaker::partition {

namespace {

constexpr const char* parent_sql =
    "SELECT c.oid::int8 AS oid, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner\n"
    "  FROM pg_catalog.pg_class AS c\n"
    "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n"
    " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'p'";

}  // namespace

Awaitable<Likeness> likeness_of_restored(pg::Connection& connection,
                                         const config::Partition& settings,
                                         const config::TableName& restored) {
  ObservedTable parent;
  {
    const pg::Result found = co_await connection.query("partition.parent", parent_sql,
                                                       settings.table.schema, settings.table.name);
    if (found.size() == 0) co_return Likeness{};
    parent.oid = found.only_row().get<std::int64_t>("oid");
    parent.owner = found.only_row().get<std::string>("owner");
  }
  const std::optional<ObservedPartition> no_sibling;
  const Pattern pattern = co_await read_pattern(connection, settings, parent, no_sibling);
  if (!pattern.error.empty()) {
    throw pg::Error{pg::Error::Kind::unexpected,
                    settings.table.text() + " cannot be looked at: " + pattern.error};
  }
  Likeness likeness;
  likeness.before_attach = liken(settings, pattern, parent.owner, restored);
  likeness.after_attach = likeness_of_attached(settings, pattern, parent.oid, restored);
  co_return likeness;
}

Awaitable<bool> expires_at_once(pg::Connection& connection, const config::Partition& settings,
                                const config::TableName& restored, const std::string& bounds) {
  if (!settings.retention || !can_retire(settings)) co_return false;
  const config::Journal no_journal;
  Snapshot snapshot = co_await observe(connection, settings, no_journal, std::nullopt);
  // As if it were the only one, so that hold_query is asked about it.
  ObservedPartition attached;
  attached.oid = -1;
  attached.name = restored;
  attached.bounds = bounds;
  snapshot.partitions = {attached};
  snapshot.commented.clear();
  const Draft draft = make_draft(settings, snapshot);
  if (draft.expired.empty()) co_return false;
  const Answers answers = co_await ask(connection, settings, snapshot, draft);
  co_return !is_held(settings, answers, attached.oid);
}

}  // namespace pgcaretaker::partition
