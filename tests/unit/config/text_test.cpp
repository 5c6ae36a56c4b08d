// SPDX-License-Identifier: Apache-2.0
// Spelling: TOML text, the nearest word, and a problem on one line.
#include <doctest/doctest.h>

#include "config/known_keys.hpp"
#include "config/nearest.hpp"
#include "config/problem.hpp"
#include "config/toml_text.hpp"
#include "config/toml_value.hpp"

using namespace pgcaretaker::config;

TEST_CASE("text is escaped so that it stays on one line of TOML") {
  CHECK(toml_string("plain 'text'") == "\"plain 'text'\"");
  CHECK(toml_string("a\"b\\c\nd\te\x01\x7F") == "\"a\\\"b\\\\c\\nd\\te\\u0001\\u007F\"");
  CHECK(toml_key("retention_query-2") == "retention_query-2");
  CHECK(toml_key("a.b") == "\"a.b\"");
  CHECK(toml_key("") == "\"\"");
}

TEST_CASE("what is shown of a long text is cut between characters") {
  CHECK(shown("short") == "\"short\"");
  CHECK(shown(std::string(60, 'x')) == '"' + std::string(60, 'x') + '"');
  CHECK(shown(std::string(61, 'x')) == '"' + std::string(60, 'x') + "\"...");
  CHECK(shown(std::string(59, 'x') + "\xC3\xA9z") == '"' + std::string(59, 'x') + "\"...");
}

TEST_CASE("numbers are written as TOML reads them back") {
  CHECK(toml_value(true) == "true");
  CHECK(toml_value(-3) == "-3");
  CHECK(toml_value(0.75) == "0.75");
  CHECK(toml_value(1.0) == "1.0");
  CHECK(toml_value(1e-300) == "1e-300");
}

TEST_CASE("edits between words are counted, a swap as one") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("", "ab") == 2);
  CHECK(edit_distance("retension", "retention") == 1);
  CHECK(edit_distance("dns", "dsn") == 1);
  CHECK(edit_distance("were", "where") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("a word is near when few edits or a common stem lead to it") {
  const std::vector<std::string> keys{"dsn", "password_file", "connect_timeout", "connections"};
  CHECK(nearest("dns", keys) == "dsn");
  CHECK(nearest("conections", keys) == "connections");
  CHECK(nearest("conect_timeuot", keys) == "connect_timeout");
  CHECK(nearest("password", keys) == "password_file");
  CHECK_FALSE(nearest("colour", keys));
  CHECK_FALSE(nearest("x", keys));
  CHECK_FALSE(nearest(std::string(10000, 'a'), keys));
  CHECK_FALSE(nearest("dns", {}));
}

TEST_CASE("a problem is one line with what is known of its place") {
  CHECK(Problem{"a.toml", 3, 5, "log.level", "is wrong"}.line_text() ==
        "a.toml:3:5: log.level: is wrong");
  CHECK(Problem{"--set", 0, 0, "log.level", "is wrong"}.line_text() ==
        "--set: log.level: is wrong");
  CHECK(Problem{"a.toml", 3, 5, "", "is no TOML"}.line_text() == "a.toml:3:5: is no TOML");
  CHECK(Problem{"", 0, 0, "", "cannot read"}.line_text() == "cannot read");
}

TEST_CASE("known keys are spelled as headers spell them") {
  CHECK(generic_key("partition[0].retention") == "partition.retention");
  CHECK(generic_key("saturation.pool[12].name") == "saturation.pool.name");
  CHECK(generic_key("") == "");
  const auto& keys = known_keys();
  CHECK(keys.front().path == "database");
  CHECK(keys.front().is_section);
  CHECK(keys.back().path == "saturation.pgbouncer.dsn");
  CHECK(keys.back().name() == "dsn");
}
