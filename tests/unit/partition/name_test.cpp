// SPDX-License-Identifier: Apache-2.0
// What a name template makes of a lower bound.
#include "partition/name.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using partition::partition_name;
using test::at;

namespace {

struct NameCase {
  std::string name_template;
  std::string lower;
  std::string name;
};

// clang-format off
const NameCase name_cases[] = {
    {"{table}_y%Ym%m", "2026-11-01", "audit_y2026m11"},
    {"{table}_y%Ym%md%d", "2028-02-29", "audit_y2028m02d29"},
    {"{table}_%Y%m%d%H", "2026-11-23 06:00", "audit_2026112306"},
    {"{table}_%y%m", "2026-01-01", "audit_2601"},
    {"{table}_%y", "2005-01-01", "audit_05"},
    {"{table}_%Y_%j", "2028-12-31", "audit_2028_366"},
    {"{table}_%Y_%j", "2026-01-01", "audit_2026_001"},
    {"{table}_%Yq%q", "2026-01-01", "audit_2026q1"},
    {"{table}_%Yq%q", "2026-03-31", "audit_2026q1"},
    {"{table}_%Yq%q", "2026-04-01", "audit_2026q2"},
    {"{table}_%Yq%q", "2026-12-31", "audit_2026q4"},
    // ISO weeks: the year of the Thursday counts.
    {"{table}_%Gw%V", "2026-11-23", "audit_2026w48"},
    {"{table}_%Gw%V", "2020-12-28", "audit_2020w53"},
    {"{table}_%Gw%V", "2026-12-28", "audit_2026w53"},
    {"{table}_%Gw%V", "2027-01-03", "audit_2026w53"},
    {"{table}_%Gw%V", "2027-01-04", "audit_2027w01"},
    {"{table}_%Gw%V", "2024-12-30", "audit_2025w01"},
    {"{table}_%Gw%V", "2023-01-01", "audit_2022w52"},
    {"{table}_%Gw%V", "2018-12-31", "audit_2019w01"},
    {"p%%%m", "2026-11-01", "p%11"},
    {"{table}{table}", "2026-11-01", "auditaudit"},
    {"{tab}_%m", "2026-11-01", "{tab}_11"},
    {"x%", "2026-11-01", "x%"},
    {"x%!", "2026-11-01", "x%!"},
    {"archiv ä \"%Y\"", "2026-11-01", "archiv ä \"2026\""},
    {"", "2026-11-01", ""},
};
// clang-format on

}  // namespace

TEST_CASE("a name is the template filled with the table and the lower bound") {
  for (const NameCase& c : name_cases) {
    CAPTURE(c.name_template);
    CAPTURE(c.lower);
    CHECK(partition_name(c.name_template, "audit", at(c.lower)) == c.name);
  }
}

TEST_CASE("a percent sign in the table's own name stays what it is") {
  CHECK(partition_name("{table}_%m", "50%Y{table}", at("2026-11-01")) == "50%Y{table}_11");
}
