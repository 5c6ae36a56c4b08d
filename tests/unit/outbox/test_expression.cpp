// SPDX-License-Identifier: Apache-2.0
// Which configured texts may stand between our parentheses.
#include <doctest/doctest.h>

#include "outbox/expression.hpp"

using pgcaretaker::outbox::expression_problem;

TEST_CASE("whatever closes what it opens is left to the server") {
  for (const char* text : {
           "dispatched_at IS NOT NULL",
           "(a OR b) AND (c OR (d))",
           "a = ')' AND b = '('",
           "a = 'it''s )'",
           "a = E'\\')' AND (b)",
           "a = E'\\\\' AND (b)",
           "name = 'type' AND note = 'x)'",
           "\"odd ) name\" IS NULL",
           "a IS NULL -- ) a comment",
           "a IS NULL -- )\nAND (b)",
           "a /* ) /* nested ) */ ( */ IS NULL",
           "a = $$)$$ AND b = $tag$ ) $$ $tag$",
           "cost$1 > 0",
           "a - -1 > 0",
           "grö\xc3\x9f$x$e = 1",
       }) {
    CAPTURE(text);
    CHECK(expression_problem(text) == std::nullopt);
  }
}

TEST_CASE("a text that would reach beyond our parentheses is refused with the reason") {
  struct Case {
    const char* text;
    const char* problem;
  };
  for (const Case& each : {
           Case{"", "is empty"},
           Case{" \n\t", "is empty"},
           Case{"-- only a comment", "is empty"},
           Case{"/* only */", "is empty"},
           Case{"true) OR (true", "closes a parenthesis that it did not open"},
           Case{"a = 'x') OR (true", "closes a parenthesis that it did not open"},
           Case{"a -- (\n)", "closes a parenthesis that it did not open"},
           Case{"a = '\\') OR (b = '", "closes a parenthesis that it did not open"},
           Case{"file'a\\') OR ('b'", "closes a parenthesis that it did not open"},
           Case{"(a", "leaves a parenthesis open"},
           Case{"((a)", "leaves a parenthesis open"},
           Case{"(a -- )", "leaves a parenthesis open"},
           Case{"a = 'x", "leaves a quote open"},
           Case{"\"a", "leaves a quote open"},
           Case{"a = $$x", "leaves a quote open"},
           Case{"a = $x$ $y$", "leaves a quote open"},
           Case{"a /* b", "leaves a comment open"},
           Case{"a /* /* b */", "leaves a comment open"},
           Case{"a; DROP TABLE b", "holds a semicolon"},
           Case{"a < $1", "holds a parameter ($1)"},
       }) {
    CAPTURE(each.text);
    CHECK(expression_problem(each.text) == std::optional<std::string>{each.problem});
  }
}

TEST_CASE("a NUL in the text is refused") {
  CHECK(expression_problem(std::string_view{"a\0b", 3}) ==
        std::optional<std::string>{"holds a NUL character"});
}
