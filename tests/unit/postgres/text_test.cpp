// SPDX-License-Identifier: Apache-2.0
// Parameters and literals as text; the integration tests read them back through a server.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "postgres/params.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker {

namespace {

using Values = std::vector<std::optional<std::string>>;
using namespace std::string_literals;
using namespace std::chrono_literals;

}  // namespace

TEST_CASE("parameters of every type become PostgreSQL's text or null") {
  const UtcTime time{std::chrono::sys_days{2024y / 2 / 29} + 12h + 345678us};
  const auto params = pg::Params::pack(
      "literal", "string"s, std::string_view{"view"}, true, false, 7, -8L, std::int64_t{1} << 62,
      time, std::vector<std::string>{"a", "b"}, std::vector<std::int64_t>{1, -2}, std::nullopt);
  CHECK(params.values() == Values{"literal", "string", "view", "t", "f", "7", "-8",
                                  "4611686018427387904", "2024-02-29 12:00:00.345678+00",
                                  "{\"a\",\"b\"}", "{1,-2}", std::nullopt});
}

TEST_CASE("an empty optional is null, a filled one is its value") {
  const auto params =
      pg::Params::pack(std::optional<int>{}, std::optional<int>{3}, std::optional<std::string>{""});
  CHECK(params.values() == Values{std::nullopt, "3", ""});
}

TEST_CASE("doubles keep every bit") {
  CHECK(pg::param_text(0.1) == "0.1");
  CHECK(pg::param_text(-2.5e300) == "-2.5e+300");
  CHECK(pg::param_text(std::numeric_limits<double>::infinity()) == "Infinity");
  CHECK(pg::param_text(-std::numeric_limits<double>::infinity()) == "-Infinity");
  CHECK(pg::param_text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(std::stod(pg::param_text(1.0 / 3.0)) == 1.0 / 3.0);
}

TEST_CASE("array literals quote every element, so that no element is taken for syntax") {
  using Texts = std::vector<std::string>;
  CHECK(pg::param_text(Texts{}) == "{}");
  CHECK(pg::param_text(Texts{""}) == "{\"\"}");
  CHECK(pg::param_text(Texts{"NULL", "a,b", "{}"}) == "{\"NULL\",\"a,b\",\"{}\"}");
  CHECK(pg::param_text(Texts{"quote\"", "back\\slash"}) == "{\"quote\\\"\",\"back\\\\slash\"}");
  CHECK(pg::param_text(std::vector<std::int64_t>{}) == "{}");
}

TEST_CASE("text with a NUL is refused instead of being cut") {
  CHECK_THROWS_AS((void)pg::param_text("a\0b"s), std::invalid_argument);
  CHECK_THROWS_AS((void)pg::param_text(std::vector<std::string>{"a\0b"s}), std::invalid_argument);
  CHECK_THROWS_AS((void)pg::quote_literal("a\0b"s), std::invalid_argument);
}

TEST_CASE("literals double their quotes and mark their backslashes") {
  CHECK(pg::quote_literal("") == "''");
  CHECK(pg::quote_literal("plain") == "'plain'");
  CHECK(pg::quote_literal("it's") == "'it''s'");
  CHECK(pg::quote_literal("'; DROP TABLE x; --") == "'''; DROP TABLE x; --'");
  CHECK(pg::quote_literal("a\\b") == "E'a\\\\b'");
  CHECK(pg::quote_literal("\\'") == "E'\\\\'''");
  CHECK(pg::quote_literal("\n\t%ä") == "'\n\t%ä'");
}

}  // namespace pgcaretaker
