// SPDX-License-Identifier: Apache-2.0
// What is missing of the window, whatever is there already.
#include "partition/window.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using config::Interval;
using config::IntervalUnit;
using test::at;
using test::range;
using test::Words;

namespace {

const Interval one_month{IntervalUnit::month, 1};
const Interval ten_days{IntervalUnit::day, 10};

/// "2026-11-01 to 2026-12-01", with " odd" behind what is no whole interval.
Words gap_texts(const Interval& interval, int ahead, const char* now,
                const std::vector<TimeRange>& cover) {
  Words texts;
  for (const Gap& gap : gaps(interval, ahead, at(now), merged(cover))) {
    texts.push_back(range_text(gap.range) + (gap.whole ? "" : " odd"));
  }
  return texts;
}

}  // namespace

TEST_CASE("an empty table misses its whole window") {
  CHECK(gap_texts(one_month, 0, "2026-11-23", {}) == Words{"2026-11-01 to 2026-12-01"});
  CHECK(gap_texts(one_month, 2, "2026-11-23", {}) ==
        Words{"2026-11-01 to 2026-12-01", "2026-12-01 to 2027-01-01", "2027-01-01 to 2027-02-01"});
  CHECK(gap_texts(one_month, 1, "2028-02-29 23:59", {}) ==
        Words{"2028-02-01 to 2028-03-01", "2028-03-01 to 2028-04-01"});
}

TEST_CASE("what stands is not missing, and a gap between is") {
  CHECK(gap_texts(one_month, 2, "2026-11-23", {range("2026-11-01", "2027-02-01")}).empty());
  CHECK(gap_texts(one_month, 2, "2026-11-23",
                  {range("2026-11-01", "2026-12-01"), range("2027-01-01", "2027-02-01")}) ==
        Words{"2026-12-01 to 2027-01-01"});
  CHECK(gap_texts(one_month, 1, "2026-11-23", {range("2026-12-01", "2027-01-01")}) ==
        Words{"2026-11-01 to 2026-12-01"});
}

TEST_CASE("holes in the past and cover beyond the window are nobody's business") {
  CHECK(gap_texts(one_month, 0, "2026-11-23",
                  {range("2026-01-01", "2026-02-01"), range("2026-11-01", "2026-12-01"),
                   range("2029-01-01", "2029-02-01")})
            .empty());
}

TEST_CASE("beside odd partitions only what they leave free is created, so nothing overlaps") {
  // A month at local midnight of New York, as a tool in that zone makes it.
  CHECK(gap_texts(one_month, 1, "2026-11-23", {range("2026-11-01 05:00", "2026-12-01 05:00")}) ==
        Words{"2026-11-01 to 2026-11-01 05:00 odd", "2026-12-01 05:00 to 2027-01-01 odd"});
  // Weeks until the new year, then months.
  CHECK(gap_texts(one_month, 1, "2026-12-30", {range("2026-12-01", "2027-01-04")}) ==
        Words{"2027-01-04 to 2027-02-01 odd"});
  // Two islands inside one interval.
  CHECK(gap_texts(one_month, 0, "2026-11-23",
                  {range("2026-11-05", "2026-11-10"), range("2026-11-20", "2026-11-25")}) ==
        Words{"2026-11-01 to 2026-11-05 odd", "2026-11-10 to 2026-11-20 odd",
              "2026-11-25 to 2026-12-01 odd"});
}

TEST_CASE("ten days of another origin are healed and then followed in our own count") {
  // Ours begin on 2026-11-23, 2026-12-03, 2026-12-13.
  CHECK(gap_texts(ten_days, 2, "2026-11-23",
                  {range("2026-11-11", "2026-11-21"), range("2026-11-21", "2026-12-01")}) ==
        Words{"2026-12-01 to 2026-12-03 odd", "2026-12-03 to 2026-12-13",
              "2026-12-13 to 2026-12-23"});
  CHECK(gap_texts(ten_days, 2, "2026-11-23",
                  {range("2026-11-21", "2026-12-01"), range("2026-12-11", "2026-12-21")}) ==
        Words{"2026-12-01 to 2026-12-03 odd", "2026-12-03 to 2026-12-11 odd",
              "2026-12-21 to 2026-12-23 odd"});
}

TEST_CASE("a partition without end leaves nothing to create") {
  CHECK(gap_texts(one_month, 3, "2026-11-23", {{at("2026-11-01"), UtcTime::max()}}).empty());
  CHECK(gap_texts(one_month, 1, "2026-11-23", {{UtcTime::min(), at("2026-12-01")}}) ==
        Words{"2026-12-01 to 2027-01-01"});
}

TEST_CASE("the cover ends at the first hole after now") {
  const auto cover = merged({range("2026-12-01", "2027-01-01"), range("2026-11-01", "2026-12-01"),
                             range("2027-02-01", "2027-03-01")});
  CHECK(covered_until(cover, at("2026-11-23")) == at("2027-01-01"));
  CHECK(covered_until(cover, at("2026-11-01")) == at("2027-01-01"));
  CHECK(covered_until(cover, at("2027-01-15")) == at("2027-01-15"));
  CHECK(covered_until(cover, at("2027-01-01")) == at("2027-01-01"));
  CHECK(covered_until({}, at("2026-11-23")) == at("2026-11-23"));
}

TEST_CASE("merged ranges are sorted, joined where they touch and apart where they do not") {
  CHECK(
      merged({range("2026-03-01", "2026-04-01"), range("2026-01-01", "2026-02-01"),
              range("2026-02-01", "2026-02-15")}) ==
      std::vector<TimeRange>{range("2026-01-01", "2026-02-15"), range("2026-03-01", "2026-04-01")});
  CHECK(merged({range("2026-01-01", "2026-12-01"), range("2026-02-01", "2026-03-01")}) ==
        std::vector<TimeRange>{range("2026-01-01", "2026-12-01")});
}

TEST_CASE("the window is the current interval and those ahead") {
  CHECK(window(one_month, 3, at("2026-11-23")) == range("2026-11-01", "2027-03-01"));
  CHECK(window(one_month, 0, at("2026-11-30 23:59")) == range("2026-11-01", "2026-12-01"));
  CHECK(window({IntervalUnit::week, 1}, 1, at("2026-12-31")) == range("2026-12-28", "2027-01-11"));
}
