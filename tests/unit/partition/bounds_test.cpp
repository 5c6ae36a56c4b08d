// SPDX-License-Identifier: Apache-2.0
// Bounds as pg_get_expr writes them, and bounds as we write them.
#include "partition/bounds.hpp"

#include "audit_table.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using test::at;
using test::from_to;
using test::range;

TEST_CASE("finite bounds of each key type are read as UTC") {
  const Bounds november{BoundsForm::range, range("2026-11-01", "2026-12-01")};
  CHECK(parse_bounds(from_to("'2026-11-01'", "'2026-12-01'")) == november);
  CHECK(parse_bounds(from_to("'2026-11-01 00:00:00'", "'2026-12-01 00:00:00'")) == november);
  CHECK(parse_bounds(from_to("'2026-11-01 00:00:00+00'", "'2026-12-01 00:00:00+00'")) == november);
  CHECK(parse_bounds(from_to("'2026-11-01 06:30:00+00'", "'2026-12-01 00:00:00+00'")) ==
        Bounds{BoundsForm::range, range("2026-11-01 06:30", "2026-12-01")});
  CHECK(parse_bounds(from_to("'2026-11-01 00:00:00.25+00'", "'2026-12-01 00:00:00+00'"))
            .range.lower == at("2026-11-01") + std::chrono::milliseconds{250});
}

TEST_CASE("an end that is not finite is unbounded, and still covers") {
  struct Case {
    const char* lower;
    const char* upper;
    UtcTime from;
    UtcTime to;
  };
  const UtcTime november = at("2026-11-01");
  const Case cases[] = {
      {"MINVALUE", "'2026-11-01'", UtcTime::min(), november},
      {"'2026-11-01'", "MAXVALUE", november, UtcTime::max()},
      {"MINVALUE", "MAXVALUE", UtcTime::min(), UtcTime::max()},
      {"'-infinity'", "'2026-11-01'", UtcTime::min(), november},
      {"'2026-11-01 00:00:00+00'", "'infinity'", november, UtcTime::max()},
      {"'0044-03-15 BC'", "'2026-11-01'", UtcTime::min(), november},
      {"'0044-03-15 00:00:00+00 BC'", "'2026-11-01 00:00:00+00'", UtcTime::min(), november},
      {"'2026-11-01'", "'294276-12-31'", november, UtcTime::max()},
  };
  for (const Case& c : cases) {
    CAPTURE(c.lower);
    CAPTURE(c.upper);
    const Bounds bounds = parse_bounds(from_to(c.lower, c.upper));
    CHECK(bounds.form == BoundsForm::unbounded);
    CHECK(bounds.range == TimeRange{c.from, c.to});
  }
}

TEST_CASE("the default partition is known by its bounds") {
  CHECK(parse_bounds("DEFAULT").form == BoundsForm::default_partition);
}

TEST_CASE("what is no range of one time is unreadable, never guessed") {
  for (const char* text : {
           "",
           "default",
           "FOR VALUES IN ('2026-11-01')",
           "FOR VALUES WITH (modulus 4, remainder 0)",
           "FOR VALUES FROM ('2026-11-01', 'a') TO ('2026-12-01', 'b')",
           "FOR VALUES FROM ('2026-11-01', MINVALUE) TO ('2026-12-01', MINVALUE)",
           "FOR VALUES FROM ('1') TO ('2')",
           "FOR VALUES FROM (1) TO (2)",
           "FOR VALUES FROM ('2026-11-01') TO ('2026-12-01') ",
           "FOR VALUES FROM ('2026-11-01') TO ('2026-12-01'",
           "FOR VALUES FROM ('2026-11-01')",
           "FOR VALUES FROM ('2026-11-01'')') TO ('2026-12-01')",
           "FOR VALUES FROM ('2026-02-30') TO ('2026-12-01')",
           "FOR VALUES FROM ('01.11.2026') TO ('01.12.2026')",
           "FOR VALUES FROM (') TO (')",
       }) {
    CAPTURE(text);
    CHECK(parse_bounds(text).form == BoundsForm::unreadable);
  }
}

TEST_CASE("what we write is what PostgreSQL gives back") {
  const TimeRange day = range("2028-02-29", "2028-03-01");
  CHECK(bounds_clause(KeyType::date, day) == from_to("'2028-02-29'", "'2028-03-01'"));
  CHECK(bounds_clause(KeyType::timestamp, day) ==
        from_to("'2028-02-29 00:00:00'", "'2028-03-01 00:00:00'"));
  CHECK(bounds_clause(KeyType::timestamptz, day) ==
        from_to("'2028-02-29 00:00:00+00'", "'2028-03-01 00:00:00+00'"));
  for (const auto key : {KeyType::date, KeyType::timestamp, KeyType::timestamptz}) {
    CHECK(parse_bounds(bounds_clause(key, day)) == Bounds{BoundsForm::range, day});
  }
}

TEST_CASE("only types that tell the time are keys") {
  CHECK(key_type("date") == KeyType::date);
  CHECK(key_type("timestamp without time zone") == KeyType::timestamp);
  CHECK(key_type("timestamp with time zone") == KeyType::timestamptz);
  CHECK(key_type("uuid") == KeyType::uuid);
  CHECK(key_type("bigint") == KeyType::bigint);
  CHECK(key_type("integer") == KeyType::integer);
  for (const char* other :
       {"smallint", "numeric", "text", "time with time zone", "public.my_time", ""}) {
    CAPTURE(other);
    CHECK_FALSE(key_type(other).has_value());
  }
}
