// SPDX-License-Identifier: Apache-2.0
// Keys that are no times by their type: uuids of version 7 and numbers, to instants and back.
#include "partition/key.hpp"

#include <random>

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using namespace std::chrono_literals;
using test::at;
using test::from_to;
using test::range;

namespace {

Key number(KeyType type, std::chrono::microseconds tick, int shift = 0, UtcTime epoch = {}) {
  Key key{type};
  key.tick = tick;
  key.shift = shift;
  key.epoch = epoch;
  return key;
}

Key uuid(std::string_view tail) {
  Key key{KeyType::uuid};
  key.uuid_tail = tail;
  return key;
}

// at() is for within a test.
constexpr UtcTime year_start(int year) {
  return std::chrono::sys_days{std::chrono::year{year} / 1 / 1};
}

constexpr UtcTime twitter{1'288'834'974'657ms};

const Key all_keys[] = {KeyType::date,
                        KeyType::timestamp,
                        KeyType::timestamptz,
                        uuid(uuid_tails[0]),
                        uuid(uuid_tails[1]),
                        uuid(uuid_tails[2]),
                        number(KeyType::integer, 1s),
                        number(KeyType::integer, 1s, 0, year_start(2001)),
                        number(KeyType::bigint, 1s),
                        number(KeyType::bigint, 1ms),
                        number(KeyType::bigint, 1us),
                        number(KeyType::bigint, 1ms, 16),
                        number(KeyType::bigint, 1ms, 22, year_start(2015)),
                        number(KeyType::bigint, 1ms, 22, twitter),
                        number(KeyType::bigint, 1ms, 23, year_start(2011))};

const Key snowflake = number(KeyType::bigint, 1ms, 22, twitter);

Position instant(UtcTime time) {
  return {time, time};
}

bool same(const std::optional<Position>& position, const Position& wanted) {
  return position && position->floor == wanted.floor && position->ceiling == wanted.ceiling &&
         position->finite == wanted.finite;
}

/// The span's own time steps: what two neighbouring values are apart.
std::chrono::microseconds step_of(const Key& key) {
  if (key.type == KeyType::date) return std::chrono::days{1};
  if (key.type == KeyType::uuid) return 1ms;
  return counts(key) ? key.tick : 1us;
}

}  // namespace

TEST_CASE("an instant becomes the least value of its moment") {
  struct Case {
    Key key;
    UtcTime time;
    const char* literal;
  };
  const Case cases[] = {
      {uuid(uuid_tails[0]), at("1970-01-01"), "00000000-0000-0000-0000-000000000000"},
      {uuid(uuid_tails[0]), at("2024-01-20"), "018d242a-c800-0000-0000-000000000000"},
      {uuid(uuid_tails[1]), at("2024-01-20"), "018d242a-c800-7000-0000-000000000000"},
      {number(KeyType::integer, 1s), at("2038-01-19 03:14:07"), "2147483647"},
      {number(KeyType::bigint, 1s), at("2026-11-01"), "1793491200"},
      {number(KeyType::bigint, 1ms), at("2026-11-01"), "1793491200000"},
      {number(KeyType::bigint, 1us), at("2026-11-01"), "1793491200000000"},
      {number(KeyType::bigint, 1s, 0, at("2026-11-01")), at("2026-11-02"), "86400"},
      // The documentation's own example of a snowflake of Twitter's.
      {snowflake, at("2022-06-28 16:07:40") + 105ms, "1541815603606036480"},
      {number(KeyType::bigint, 1ms, 22, at("2015-01-01")), at("2015-01-01"), "0"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.literal);
    if (c.key == snowflake) {
      CHECK((std::stoll(bound_literal(c.key, c.time)) >> 22) == (std::stoll(c.literal) >> 22));
      continue;
    }
    CHECK(bound_literal(c.key, c.time) == c.literal);
    CHECK(same(position_of(c.key, c.literal), instant(c.time)));
  }
}

TEST_CASE("every instant of the grid comes back from its own value, for every key and interval") {
  std::mt19937_64 engine{7};
  for (const Key& key : all_keys) {
    const TimeRange span = span_of(key);
    const UtcTime first = std::max(span.lower, at("1990-01-01"));
    const UtcTime last = std::min(span.upper, at("2036-01-01"));
    std::uniform_int_distribution<std::int64_t> anywhere{first.time_since_epoch().count(),
                                                         last.time_since_epoch().count()};
    for (int i = 0; i < 3000; ++i) {
      const UtcTime time{std::chrono::microseconds{anywhere(engine)}};
      for (int unit = 0; unit < 6; ++unit) {
        if (key.type == KeyType::date && unit == 0) continue;
        const config::Interval interval{static_cast<config::IntervalUnit>(unit), 1 + i % 12};
        const TimeRange wanted = interval_containing(interval, time);
        if (wanted.lower < span.lower || wanted.upper > span.upper) continue;
        const std::string clause = bounds_clause(key, wanted);
        CAPTURE(clause);
        REQUIRE(parse_bounds(clause, key) == Bounds{BoundsForm::range, wanted, {}});
      }
    }
  }
}

TEST_CASE("values sort as their instants do, and any value lies between those around it") {
  std::mt19937_64 engine{8};
  for (const Key& key : all_keys) {
    if (key.type == KeyType::date) continue;
    const std::chrono::microseconds step = step_of(key);
    std::uniform_int_distribution<std::int64_t> ticks{0, 2'000'000'000};
    for (int i = 0; i < 2000; ++i) {
      const UtcTime time = key.epoch + ticks(engine) * step;
      const std::string value = bound_literal(key, time);
      const std::string next = bound_literal(key, time + step);
      CAPTURE(value);
      CHECK(same(position_of(key, value), instant(time)));
      if (!counts(key)) {
        CHECK(value < next);
      } else {
        CHECK(std::stoll(value) < std::stoll(next));
        CHECK(std::stoll(next) - std::stoll(value) == 1LL << key.shift);
      }
    }
  }
}

TEST_CASE("a value between two instants is rounded outward for what it takes, inward for cover") {
  const std::int64_t base = 100LL << 22;
  const auto time = [](int ticks) { return twitter + std::chrono::milliseconds{ticks}; };
  const Bounds odd = parse_bounds(from_to("'" + std::to_string(base + 1) + "'",
                                          "'" + std::to_string((200LL << 22) + 4'194'303) + "'"),
                                  snowflake);
  CHECK(odd.form == BoundsForm::inexact);
  CHECK(odd.range == TimeRange{time(100), time(201)});
  CHECK(odd.inner == TimeRange{time(101), time(200)});
  const Bounds lower = parse_bounds(
      from_to("'" + std::to_string(base) + "'", "'" + std::to_string((200LL << 22) + 1) + "'"),
      snowflake);
  CHECK(lower.form == BoundsForm::inexact);
  CHECK(lower.range == TimeRange{time(100), time(201)});
  CHECK(lower.inner == TimeRange{time(100), time(200)});
}

TEST_CASE("a uuid between two instants is rounded by how it sorts, whatever the tail of the set") {
  struct Case {
    const char* tail;
    int floor;  // milliseconds from the one in the first 48 bits
    int ceiling;
  };
  const Case cases_of_zero[] = {{"0000-0000-000000000000", 0, 0},
                                {"0000-0000-000000000001", 0, 1},
                                {"7000-0000-000000000000", 0, 1},
                                {"ffff-ffff-ffffffffffff", 0, 1}};
  const Case cases_of_seven[] = {{"0000-0000-000000000000", -1, 0},
                                 {"4abc-8def-0123456789ab", -1, 0},
                                 {"7000-0000-000000000000", 0, 0},
                                 {"7000-8000-000000000000", 0, 1}};
  const UtcTime time = at("2024-01-20");
  const auto check = [&](const Key& key, const Case& c) {
    CAPTURE(c.tail);
    const std::string value = std::string{"018d242a-c800-"} + c.tail;
    CHECK(same(position_of(key, value), {time + std::chrono::milliseconds{c.floor},
                                         time + std::chrono::milliseconds{c.ceiling}}));
  };
  for (const Case& c : cases_of_zero)
    check(uuid(uuid_tails[0]), c);
  for (const Case& c : cases_of_seven)
    check(uuid(uuid_tails[1]), c);
}

TEST_CASE("numbers below zero are no time: they take everything before the epoch, and cover none") {
  const Key seconds = number(KeyType::bigint, 1s);
  const Bounds sentinel = parse_bounds(from_to("'-10'", "'0'"), seconds);
  CHECK(sentinel.form == BoundsForm::inexact);
  CHECK(sentinel.range == TimeRange{UtcTime::min(), UtcTime{}});
  CHECK(sentinel.inner == TimeRange{UtcTime{}, UtcTime{}});
  const Bounds across = parse_bounds(from_to("'-10'", "'1793491200'"), seconds);
  CHECK(across.form == BoundsForm::inexact);
  CHECK(across.range == TimeRange{UtcTime::min(), at("2026-11-01")});
  CHECK(across.inner == TimeRange{UtcTime{}, at("2026-11-01")});
  const Bounds below = parse_bounds(from_to("'-20'", "'-10'"), seconds);
  CHECK(below.form == BoundsForm::inexact);
  CHECK(below.inner->empty());
  CHECK(parse_bounds(from_to("'-10'", "5"), number(KeyType::integer, 1s)).form ==
        BoundsForm::inexact);
}

TEST_CASE("numbers beyond the calendar have no end") {
  const Key seconds = number(KeyType::bigint, 1s);
  const Bounds far = parse_bounds(from_to("'1793491200'", "'9223372036854775807'"), seconds);
  CHECK(far.form == BoundsForm::unbounded);
  CHECK(far.range == TimeRange{at("2026-11-01"), UtcTime::max()});
  CHECK(parse_bounds(from_to("MINVALUE", "'1793491200'"), seconds).range ==
        TimeRange{UtcTime::min(), at("2026-11-01")});
  const Bounds odd = parse_bounds(from_to("MINVALUE", "'1'"), snowflake);
  CHECK(odd.form == BoundsForm::unbounded);
  CHECK(odd.inner == TimeRange{UtcTime::min(), twitter});
}

TEST_CASE("a key holds the instants that its type has room for") {
  CHECK(span_of(KeyType::timestamptz) == TimeRange{UtcTime::min(), UtcTime::max()});
  CHECK(span_of(number(KeyType::integer, 1s)) == range("1970-01-01", "2038-01-19 03:14:07"));
  CHECK(span_of(KeyType::uuid).lower == UtcTime{});
  CHECK(span_of(KeyType::uuid).upper == at("10889-08-02 05:31:50") + 655ms);
  CHECK(span_of(number(KeyType::bigint, 1s)).upper == at("32766-12-31") + std::chrono::days{1});
  const TimeRange discord = span_of(number(KeyType::bigint, 1ms, 22, at("2015-01-01")));
  CHECK(discord.lower == at("2015-01-01"));
  CHECK(discord.upper == at("2084-09-06 15:47:35") + 551ms);
  for (const Key& key : all_keys) {
    if (!counts(key)) continue;
    const std::string last = bound_literal(key, span_of(key).upper);
    CHECK(std::stoll(last) > 0);
    CHECK(bound_literal(key, span_of(key).upper + std::chrono::days{1}) == last);
  }
}

TEST_CASE("what is no value of the key is unreadable") {
  for (const Key& key : {Key{KeyType::uuid}, number(KeyType::bigint, 1s), snowflake}) {
    for (const char* text :
         {"FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')", "FOR VALUES FROM (1) TO (2)",
          "FOR VALUES FROM ('') TO ('')", "FOR VALUES FROM ('1.5') TO ('2')",
          "FOR VALUES FROM ('1', 'a') TO ('2', 'b')",
          "FOR VALUES FROM ('99999999999999999999') TO ('2')",
          "FOR VALUES FROM ('018d242ac8007000000000000000000') TO ('2')",
          "FOR VALUES FROM ('018d242a-c8zz-7000-0000-000000000000') TO (MAXVALUE)"}) {
      CAPTURE(text);
      CHECK(parse_bounds(text, key).form == BoundsForm::unreadable);
    }
  }
}

TEST_CASE("an integer stands without quotes, as PostgreSQL writes it") {
  const Key key = number(KeyType::integer, 1s);
  const std::string clause = bounds_clause(key, range("2026-11-01", "2026-12-01"));
  CHECK(clause == "FOR VALUES FROM (1793491200) TO (1796083200)");
  CHECK(parse_bounds(clause, key).range == range("2026-11-01", "2026-12-01"));
  CHECK(bounds_clause(number(KeyType::bigint, 1s), range("2026-11-01", "2026-12-01")) ==
        "FOR VALUES FROM ('1793491200') TO ('1796083200')");
}
