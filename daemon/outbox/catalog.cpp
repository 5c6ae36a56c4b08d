// SPDX-License-Identifier: Apache-2.0
// The outbox as the catalog has it, and the count of each state.
#include "outbox/catalog.hpp"

#include <utility>

#include "outbox/count.hpp"
#include "outbox/statement.hpp"

namespace pgcaretaker::outbox {

namespace {

constexpr const char* heaps_sql = R"(
WITH RECURSIVE tree AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1::text AND c.relname = $2::text
  UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON tree.oid = i.inhparent)
SELECT n.nspname, c.relname, c.relkind::text AS kind, greatest(c.relpages, 0) AS pages,
       has_table_privilege(c.oid, 'DELETE') AS may_delete,
       n.nspname = $1::text AND c.relname = $2::text AS is_root
FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2)";

Awaitable<void> observe_heaps(pg::Connection& connection, const config::TableName& table,
                              Snapshot& snapshot) {
  const pg::Result rows =
      co_await connection.query("outbox.heaps", heaps_sql, table.schema, table.name);
  snapshot.kind = TableKind::missing;
  for (const pg::Row row : rows) {
    const auto kind = row.text("kind");
    const bool is_table = kind == "r" || kind == "p";
    if (row.get<bool>("is_root")) {
      snapshot.kind = is_table ? TableKind::table : TableKind::something_else;
    }
    if (kind == "r") {
      const config::TableName name{row.get<std::string>("nspname"),
                                   row.get<std::string>("relname")};
      snapshot.heaps.push_back(
          Heap{name, row.get<std::int64_t>("pages"), row.get<bool>("may_delete")});
    }
  }
  if (snapshot.kind != TableKind::table) snapshot.heaps.clear();
}

}  // namespace

Awaitable<Snapshot> observe(pg::Connection& connection, const config::Outbox& settings,
                            std::optional<UtcTime> as_of) {
  Snapshot snapshot;
  {
    const pg::Result rows = co_await connection.query(
        "outbox.clock", "SELECT clock_timestamp() AS now, current_user::text AS role");
    const pg::Row row = rows.only_row();
    snapshot.as_of = as_of.value_or(row.get<UtcTime>("now"));
    snapshot.role = row.get<std::string>("role");
  }
  co_await observe_heaps(connection, settings.table, snapshot);
  const auto states = configured_states(settings);
  for (const Terms& terms : states) {
    if (snapshot.kind != TableKind::table) {
      StateCount unknown;
      unknown.state = terms.state;
      snapshot.states.push_back(unknown);
      continue;
    }
    StateCount count = co_await observe_state(connection, settings.table, terms, snapshot.as_of);
    snapshot.states.push_back(std::move(count));
  }
  co_return snapshot;
}

}  // namespace pgcaretaker::outbox
