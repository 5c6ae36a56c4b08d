// SPDX-License-Identifier: Apache-2.0
// One catalog query that answers in JSON.
#include "partition/pattern.hpp"

#include <nlohmann/json.hpp>

#include "partition/json_answer.hpp"
#include "partition/look.hpp"

namespace pgcaretaker::partition {

namespace {

using nlohmann::json;

// $1 parent, $2 newest sibling or 0. Triggers on rows come with ATTACH, those on statements do not;
// pg_get_triggerdef writes names in full under our empty search path. A column's target is NULL
// or -1 where it is the server's default.
constexpr const char* pattern_sql = R"(
SELECT pg_catalog.json_build_object(
  'replica_identity', p.relreplident::text,
  'replica_index', (SELECT i.indexrelid::int8 FROM pg_catalog.pg_index AS i
                     WHERE i.indrelid = p.oid AND i.indisreplident),
  'statistics', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                          'column', a.attname, 'target', a.attstattarget) ORDER BY a.attnum)
                   FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.attstattarget >= 0),
  'triggers', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'name', t.tgname, 'enabled', t.tgenabled::text,
                        'table', t.tgrelid::pg_catalog.regclass::text,
                        'on_rows', t.tgtype & 1 = 1,
                        'definition', pg_catalog.pg_get_triggerdef(t.oid)) ORDER BY t.tgname)
                 FROM pg_catalog.pg_trigger AS t
                WHERE t.tgrelid = p.oid AND NOT t.tgisinternal),
  'has_sibling', s.oid IS NOT NULL,
  'options', pg_catalog.to_json(s.reloptions),
  'toast_options', pg_catalog.to_json(x.reloptions),
  'tablespace', (SELECT ts.spcname FROM pg_catalog.pg_tablespace AS ts
                  WHERE ts.oid = coalesce(nullif(p.reltablespace, 0), s.reltablespace)),
  'may_use_tablespace', (SELECT pg_catalog.has_tablespace_privilege(ts.oid, 'CREATE')
                           FROM pg_catalog.pg_tablespace AS ts
                          WHERE ts.oid = coalesce(nullif(p.reltablespace, 0), s.reltablespace)),
  'grantees', (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.pg_get_userbyid(g.grantee))
                 FROM pg_catalog.pg_default_acl AS d, pg_catalog.aclexplode(d.defaclacl) AS g
                WHERE d.defaclrole = (SELECT r.oid FROM pg_catalog.pg_roles AS r
                                       WHERE r.rolname = current_user)
                  AND d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, p.relnamespace)
                  AND g.grantee NOT IN (0, p.relowner, d.defaclrole))
)::text AS value
  FROM pg_catalog.pg_class AS p
  LEFT JOIN pg_catalog.pg_class AS s ON s.oid = $2::oid
  LEFT JOIN pg_catalog.pg_class AS x ON x.oid = s.reltoastrelid
 WHERE p.oid = $1::oid)";

std::string text_of(const json& from, const char* key) {
  return from.at(key).is_null() ? std::string{} : from.at(key).get<std::string>();
}

Pattern parse(const std::string& text) {
  const json from = json::parse(text);
  Pattern pattern;
  pattern.replica_identity = text_of(from, "replica_identity").front();
  if (!from.at("replica_index").is_null()) {
    pattern.replica_index = from.at("replica_index").get<std::int64_t>();
  }
  for (const json& each : from.at("statistics")) {
    pattern.statistics.push_back({text_of(each, "column"), each.at("target").get<int>()});
  }
  for (const json& each : from.at("triggers")) {
    auto& triggers = each.at("on_rows").get<bool>() ? pattern.row_triggers : pattern.triggers;
    triggers.push_back({text_of(each, "name"), text_of(each, "table"), text_of(each, "definition"),
                        text_of(each, "enabled").front()});
  }
  pattern.has_sibling = from.at("has_sibling").get<bool>();
  pattern.options = words_of(from, "options");
  pattern.toast_options = words_of(from, "toast_options");
  pattern.tablespace = text_of(from, "tablespace");
  pattern.may_use_tablespace =
      from.at("may_use_tablespace").is_null() || from.at("may_use_tablespace").get<bool>();
  pattern.grantees = words_of(from, "grantees");
  return pattern;
}

}  // namespace

Awaitable<Pattern> read_pattern(pg::Connection& connection, const config::Partition& settings,
                                const ObservedTable& parent,
                                const std::optional<ObservedPartition>& newest) {
  const std::int64_t sibling = newest ? newest->oid : 0;
  pg::Params params = pg::Params::pack(parent.oid, sibling);
  const Look look =
      co_await look_at(connection, settings, "partition.pattern", pattern_sql, std::move(params));
  Pattern pattern;
  if (!look.error.empty()) {
    pattern.error = look.error;
  } else if (look.rows.size() == 1 && look.rows.front()) {
    pattern = parse(*look.rows.front());
  } else {
    pattern.error = "the table is gone";
  }
  co_return pattern;
}

}  // namespace pgcaretaker::partition
