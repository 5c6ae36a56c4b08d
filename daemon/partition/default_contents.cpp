// SPDX-License-Identifier: Apache-2.0
// What is known of the default partition, and which way its ranges are found.
#include "partition/default_contents.hpp"

#include "partition/default_scan.hpp"
#include "partition/guard.hpp"
#include "partition/json_answer.hpp"
#include "partition/triggers.hpp"
#include "partition/window.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace pgcaretaker::partition {

namespace {

using nlohmann::json;

// $1 the default, $2 the parent, $3 what comments of ours begin with, $4 the key, $5 what
// those end with that refuse nothing yet. {} is fires_on_delete.
constexpr std::string_view facts_sql = R"(
SELECT pg_catalog.json_build_object(
  'guards', (SELECT pg_catalog.json_agg(k.conname ORDER BY k.conname)
               FROM pg_catalog.pg_constraint AS k
              WHERE k.conrelid = c.oid AND k.contype = 'c'
                AND pg_catalog.obj_description(k.oid, 'pg_constraint') LIKE $3 || '%'),
  'guards_refuse', EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                            WHERE k.conrelid = c.oid AND k.contype = 'c'
                              AND pg_catalog.obj_description(k.oid, 'pg_constraint') LIKE $3 || '%'
                              AND pg_catalog.obj_description(k.oid, 'pg_constraint')
                                  NOT LIKE '%' || $5),
  'intruders', (SELECT pg_catalog.json_agg(found.what)
                  FROM (SELECT 'trigger ' || pg_catalog.quote_ident(t.tgname)
                               || ' (' || t.tgfoid::pg_catalog.regproc::text || ')'
                          FROM pg_catalog.pg_trigger AS t
                         WHERE t.tgrelid = c.oid AND {}
                        UNION ALL
                        SELECT 'rule ' || pg_catalog.quote_ident(r.rulename)
                          FROM pg_catalog.pg_rewrite AS r
                         WHERE r.ev_class = c.oid) AS found (what)),
  'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = $2::oid AND a.attnum > 0 AND NOT a.attisdropped
                 AND a.attgenerated = ''),
  'indexed', EXISTS (SELECT FROM pg_catalog.pg_index AS x
                       JOIN pg_catalog.pg_class AS n ON n.oid = x.indexrelid
                       JOIN pg_catalog.pg_am AS m ON m.oid = n.relam AND m.amname = 'btree'
                       JOIN pg_catalog.pg_attribute AS a
                         ON a.attrelid = c.oid AND a.attnum = x.indkey[0] AND a.attname = $4
                      WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL),
  'row_security', c.relrowsecurity, 'forced_row_security', c.relforcerowsecurity
)::text AS value
  FROM pg_catalog.pg_class AS c
 WHERE c.oid = $1::oid)";

struct Known {
  DefaultContents contents;
  bool is_indexed = false;  // by the key
};

Awaitable<Known> read_facts(pg::Connection& connection, const config::Partition& settings,
                            const Snapshot& snapshot) {
  Known read;
  DefaultContents& contents = read.contents;
  const std::int64_t oid = default_of(snapshot)->oid;
  const std::string marker{guard_marker};
  const std::string refuses_nothing{guard_far_ahead};
  const pg::Params params =
      pg::Params::pack(oid, snapshot.table.oid, marker, snapshot.table.key_column, refuses_nothing);
  const std::string sql = fmt::format(facts_sql, fires_on_delete);
  const Look look = co_await look_at(connection, settings, "partition.default_facts", sql, params);
  contents.error = look.error;
  if (look.rows.size() == 1 && look.rows.front()) {
    const json facts = json::parse(*look.rows.front());
    contents.guards = words_of(facts, "guards");
    contents.guards_refuse = facts.at("guards_refuse").get<bool>();
    contents.intruders = words_of(facts, "intruders");
    contents.columns = words_of(facts, "columns");
    contents.row_security = facts.at("row_security").get<bool>();
    contents.forced_row_security = facts.at("forced_row_security").get<bool>();
    read.is_indexed = facts.at("indexed").get<bool>();
  }
  co_return read;
}

/// For adoption, however many ranges there are: the first and the last one, when nothing is
/// attached from the one to the other and no row is outside of them. False = not so.
bool take_ends(const Search& search, const Ends& ends, DefaultContents& contents) {
  if (!ends.error.empty() || !ends.first || !ends.last || ends.odd_keys) return false;
  const auto lower = free_piece(search.settings.interval, *ends.first, search.taken);
  const auto upper = free_piece(search.settings.interval, *ends.last, search.taken);
  if (!lower || !upper) return false;
  for (const TimeRange& range : search.taken) {
    if (lower->upper <= range.lower && range.upper <= upper->lower) return false;
  }
  contents.stranded.push_back(stranded_in(search, *lower));
  if (*upper != *lower) contents.stranded.push_back(stranded_in(search, *upper));
  return true;
}

}  // namespace

const ObservedPartition* default_of(const Snapshot& snapshot) {
  for (const ObservedPartition& partition : snapshot.partitions) {
    if (partition.bounds == "DEFAULT" && !partition.detach_pending) return &partition;
  }
  return nullptr;
}

Awaitable<DefaultContents> read_default_contents(pg::Connection& connection,
                                                 const config::Partition& settings,
                                                 const Snapshot& snapshot, const Draft& draft) {
  DefaultContents contents;
  const ObservedPartition* partition = default_of(snapshot);
  if (partition == nullptr || !draft.key) co_return contents;
  Known facts = co_await read_facts(connection, settings, snapshot);
  contents = std::move(facts.contents);
  // Rows that could not be counted say why already.
  const bool has_rows = snapshot.default_rows && snapshot.default_rows->error.empty() &&
                        snapshot.default_rows->rows.value_or(0) > 0;
  if (!contents.error.empty() || !has_rows || partition->kind != 'r') co_return contents;
  const Search search{connection,
                      settings,
                      partition->name.sql(),
                      config::quote_identifier(snapshot.table.key_column),
                      *draft.key,
                      taken_by(draft.members, *draft.key)};
  const bool wants_ends = settings.default_partition == config::DefaultPartition::adopt;
  Ends ends;
  if (!facts.is_indexed) {
    ends = co_await scan_ends(search);
  } else if (wants_ends) {
    ends = co_await find_ends(search);
  }
  contents.odd_keys = ends.odd_keys;
  if (wants_ends && take_ends(search, ends, contents)) co_return contents;
  if (facts.is_indexed) {
    co_await find_stranded(search, contents);
  } else {
    co_await scan_stranded(search, ends, contents);
  }
  co_return contents;
}

}  // namespace pgcaretaker::partition
