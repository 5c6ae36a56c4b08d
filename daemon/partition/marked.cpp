// SPDX-License-Identifier: Apache-2.0
// Two catalog queries.
#include "partition/marked.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgcaretaker::partition {

namespace {

using nlohmann::json;

// One walk over the comments of the database, of which a database has few; the marker's own words
// decide what is ours.
constexpr std::string_view commented_sql = R"(
SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
       c.relkind::text AS kind, d.description AS comment,
       coalesce((SELECT pg_catalog.min(i.inhparent::int8) FROM pg_catalog.pg_inherits AS i
                  WHERE i.inhrelid = c.oid), 0) AS attached_to,
       c.relrowsecurity AND NOT c.relforcerowsecurity AS lifted,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END AS rows,
       c.relpages::int8 * pg_catalog.current_setting('block_size')::int8 AS bytes,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned
  FROM pg_catalog.pg_description AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.objoid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
   AND d.description LIKE 'pgcaretaker: {%')";

// A foreign key to a partitioned table has a row for each of its partitions as well.
constexpr std::string_view ties_sql = R"(
SELECT c.oid::int8 AS oid,
       coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                          'name', f.conname, 'oid', f.confrelid::int8,
                          'table', f.confrelid::pg_catalog.regclass::text) ORDER BY f.conname)
                   FROM pg_catalog.pg_constraint AS f
                  WHERE f.conrelid = c.oid AND f.contype = 'f'
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS o
                                     WHERE o.oid = f.conparentid AND o.conrelid = f.conrelid)),
                '[]')::text AS foreign_keys,
       coalesce((SELECT pg_catalog.json_agg(DISTINCT pg_catalog.pg_get_userbyid(g.grantee))
                   FROM (SELECT c.relacl UNION ALL
                         SELECT a.attacl FROM pg_catalog.pg_attribute AS a
                          WHERE a.attrelid = c.oid) AS lists (acl),
                        pg_catalog.aclexplode(lists.acl) AS g
                  WHERE g.grantee NOT IN (0, c.relowner)), '[]')::text AS grantees,
       coalesce((SELECT pg_catalog.json_agg(t.tgname) FROM pg_catalog.pg_trigger AS t
                  WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 1 = 0),
                '[]')::text AS triggers
  FROM pg_catalog.pg_class AS c
 WHERE c.oid = ANY ($1::oid[]))";

std::vector<std::string> read_words(const pg::Row& row, std::string_view column) {
  return json::parse(row.get<std::string>(column)).get<std::vector<std::string>>();
}

Ties read_tie(const pg::Row& row) {
  Ties ties;
  for (const json& each : json::parse(row.get<std::string>("foreign_keys"))) {
    ties.foreign_keys.push_back(
        {each.at("name").get<std::string>(),
         {each.at("oid").get<std::int64_t>(), each.at("table").get<std::string>()}});
  }
  ties.grantees = read_words(row, "grantees");
  ties.triggers = read_words(row, "triggers");
  return ties;
}

}  // namespace

bool wants_markers(const config::Partition& settings, const Snapshot& snapshot) {
  return settings.retention ||
         std::ranges::any_of(snapshot.partitions, &ObservedPartition::detach_pending);
}

Awaitable<std::vector<CommentedTable>> read_commented(pg::Connection& connection) {
  std::vector<CommentedTable> result;
  const pg::Result list = co_await connection.query("partition.markers", commented_sql);
  for (const pg::Row row : list) {
    CommentedTable commented;
    commented.table.oid = row.get<std::int64_t>("oid");
    commented.table.name = {row.get<std::string>("schema"), row.get<std::string>("name")};
    commented.table.kind = row.text("kind").front();
    commented.table.owned = row.get<bool>("owned");
    commented.table.rows = row.get<std::optional<std::int64_t>>("rows");
    commented.table.bytes = row.get<std::int64_t>("bytes");
    commented.attached_to = row.get<std::int64_t>("attached_to");
    commented.is_lifted = row.get<bool>("lifted");
    commented.comment = row.get<std::string>("comment");
    result.push_back(std::move(commented));
  }
  co_return result;
}

std::vector<std::int64_t> tied_tables(const config::Partition& settings, const Snapshot& snapshot,
                                      const Draft& draft) {
  std::vector<std::int64_t> oids;
  if (can_retire(settings) && !drops_by_function(settings)) {
    for (const std::size_t index : draft.expired) {
      oids.push_back(draft.members[index].observed.oid);
    }
  }
  for (const Member& member : draft.members) {
    const bool is_ours = draft.marks.contains(member.observed.oid);
    if (is_ours && member.observed.detach_pending) oids.push_back(member.observed.oid);
  }
  for (const Marked& marked : draft.detached) {
    const bool is_bare = marked.marker.state == MarkerState::marked;
    if (is_bare || is_due(settings, marked, snapshot.now)) oids.push_back(marked.observed.oid);
  }
  return oids;
}

Awaitable<std::map<std::int64_t, Ties>> read_ties(pg::Connection& connection,
                                                  const std::vector<std::int64_t>& oids) {
  std::map<std::int64_t, Ties> ties;
  if (oids.empty()) co_return ties;
  const pg::Result list = co_await connection.query("partition.ties", ties_sql, oids);
  for (const pg::Row row : list) {
    ties.emplace(row.get<std::int64_t>("oid"), read_tie(row));
  }
  co_return ties;
}

}  // namespace pgcaretaker::partition
