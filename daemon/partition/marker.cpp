// SPDX-License-Identifier: Apache-2.0
// JSON behind a sign. What only the transaction knows is put in by the server.
#include "partition/marker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "partition/steps.hpp"
#include "postgres/quote.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::partition {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> state_texts{"marked", "detached", "archived"};

std::string_view text_of(MarkerState state) {
  return state_texts.at(static_cast<std::size_t>(state));
}

std::optional<MarkerState> state_named(std::string_view text) {
  const auto found = std::ranges::find(state_texts, text);
  if (found == state_texts.end()) return std::nullopt;
  return static_cast<MarkerState>(found - state_texts.begin());
}

}  // namespace

std::optional<Marker> parse_marker(std::string_view text) {
  if (!text.starts_with(marker_sign)) return std::nullopt;
  const json from = json::parse(text.substr(marker_sign.size() - 1), nullptr, false);
  if (!from.is_object()) return std::nullopt;
  Marker marker;
  try {
    marker.parent = from.at("parent").get<std::int64_t>();
    marker.table = from.at("table").get<std::string>();
    marker.oid = from.at("oid").get<std::int64_t>();
    marker.bounds = from.at("bounds").get<std::string>();
    marker.plan = from.at("plan").get<std::string>();
    const auto then = from.at("then").get<std::string>();
    const auto state = state_named(from.at("state").get<std::string>());
    const auto since = pg::parse_timestamp(from.at("since").get<std::string>());
    if ((then != "drop" && then != "keep") || !state || !since) return std::nullopt;
    marker.drops = then == "drop";
    marker.state = *state;
    if (*state == MarkerState::archived) marker.archive = from.at("archive").get<std::string>();
    marker.since = *since;
    if (!from.at("comment").is_null()) marker.comment = from.at("comment").get<std::string>();
  } catch (const json::exception&) {
    return std::nullopt;
  }
  return marker;
}

std::string marker_head(const Marker& marker) {
  const ordered_json head{{"parent", marker.parent},
                          {"table", marker.table},
                          {"oid", marker.oid},
                          {"bounds", marker.bounds},
                          {"plan", marker.plan},
                          {"then", marker.drops ? "drop" : "keep"},
                          {"state", text_of(marker.state)}};
  const std::string text = head.dump();
  return std::string{marker_sign} + text.substr(1, text.size() - 2) + ",\"since\":";
}

task::Statement mark_statement(const Marker& marker, const config::TableName& table,
                               bool over_marker) {
  const std::string before =
      over_marker
          ? fmt::format("pg_catalog.substr(old, {})::json ->> 'comment'", marker_sign.size())
          : "old";
  const bool is_archived = marker.state == MarkerState::archived;
  const std::string since =
      is_archived
          ? fmt::format("(pg_catalog.substr(old, {})::json -> 'since')::text", marker_sign.size())
          : "pg_catalog.to_json(pg_catalog.clock_timestamp()::text)";
  const std::string archive =
      is_archived ? fmt::format(
                        "',\"archive\":'\n"
                        "    || pg_catalog.to_json(pg_catalog.current_setting('{}'))::text"
                        "\n    || ",
                        archive_setting)
                  : "";
  const std::string body = fmt::format(
      "DECLARE old text := pg_catalog.obj_description({}, 'pg_class'); BEGIN\n"
      "  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L',\n"
      "    {},\n"
      "    {}\n"
      "    || {} || ',\"comment\":'\n"
      "    || coalesce(pg_catalog.to_json({})::text, 'null') || {}'}}');\n"
      "END",
      marker.oid, pg::quote_literal(table.sql()), pg::quote_literal(marker_head(marker)), since,
      before, archive);
  return make_statement(statement::mark, "DO " + dollar_quoted(body));
}

task::Statement archive_name_statement() {
  task::Statement name = make_statement(
      statement::archive_name,
      fmt::format("SELECT pg_catalog.set_config('{}', $1::text, true)", archive_setting));
  name.params = {"name of the archive"};
  return name;
}

task::Statement unmark_statement(std::int64_t oid, const config::TableName& table) {
  const std::string body = fmt::format(
      "BEGIN\n"
      "  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', {},\n"
      "    pg_catalog.substr(pg_catalog.obj_description({}, 'pg_class'), {})::json\n"
      "      ->> 'comment');\n"
      "END",
      pg::quote_literal(table.sql()), oid, marker_sign.size());
  return make_statement(statement::unmark, "DO " + dollar_quoted(body));
}

}  // namespace pgcaretaker::partition
