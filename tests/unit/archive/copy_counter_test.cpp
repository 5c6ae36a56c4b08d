// SPDX-License-Identifier: Apache-2.0
// Counting rows in COPY streams that are out to deceive, cut into pieces of every size.
#include "archive/copy_counter.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <vector>

using namespace pgcaretaker::archive;
using namespace std::string_literals;

namespace {

void number(std::string& out, std::size_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xFF);
  }
}

using Row = std::vector<std::optional<std::string>>;

std::string binary(const std::vector<Row>& rows, const std::string& extension = "") {
  std::string out = "PGCOPY\n\377\r\n\0"s;
  number(out, 0, 4);
  number(out, extension.size(), 4);
  out += extension;
  for (const Row& row : rows) {
    number(out, row.size(), 2);
    for (const auto& field : row) {
      number(out, field ? field->size() : 0xFFFFFFFF, 4);
      out += field.value_or("");
    }
  }
  number(out, 0xFFFF, 2);
  return out;
}

void feed(CopyCounter& counter, std::string_view text, std::size_t size) {
  for (std::size_t at = 0; at < text.size(); at += size) {
    counter.feed(text.substr(at, size));
  }
}

struct Case {
  std::string text;
  std::int64_t rows;
};

const std::vector<Row> hostile{{"", std::nullopt},
                               {"\n\n\"\"", "PGCOPY\n\377\r\n\0"s},
                               {"\377\377", "\0\2"s},
                               {std::nullopt, std::nullopt},
                               {std::string(70000, '\377'), ""}};

}  // namespace

TEST_CASE("binary rows are counted by their framing, whatever is in them and however it is cut") {
  for (const std::size_t size : {1UL, 2UL, 3UL, 7UL, 64UL, 1000000UL}) {
    CAPTURE(size);
    for (const std::string extension : {"", "ext"}) {
      BinaryCounter counter{2};
      feed(counter, binary(hostile, extension), size);
      CHECK(counter.rows() == 5);
      CHECK(counter.fault() == "");
    }
    BinaryCounter none{2};
    feed(none, binary({}), size);
    CHECK(none.rows() == 0);
    CHECK(none.fault() == "");
  }
}

TEST_CASE("a binary stream that ends anywhere but at its end is at fault") {
  const std::string whole = binary({{"a", std::nullopt}, {"", "bc"}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    BinaryCounter counter{2};
    counter.feed(std::string_view{whole}.substr(0, length));
    CHECK(counter.fault() != "");
  }
  BinaryCounter longer{2};
  longer.feed(whole + "x");
  CHECK(longer.fault() == "something follows its end");
  BinaryCounter narrow{1};
  narrow.feed(whole);
  CHECK(narrow.fault() == "row 1 has 2 fields instead of 1");
  BinaryCounter other{2};
  other.feed("a,b\n1,2\n3,4\n");
  CHECK(other.fault() == "it does not begin like a binary COPY");
}

TEST_CASE("CSV rows end at newlines outside of quotes") {
  const std::array<Case, 9> cases{Case{"a,b\n", 0},
                                  {"a,b\n1,2\n", 1},
                                  {"a,b\n1,\"x\ny\n\nz\"\n3,4\n", 2},
                                  {"a,b\n1,\"say \"\"hi\"\"\n\"\n", 1},
                                  {"a,b\n,\"\"\n,\n", 2},
                                  {"a\n\n\n", 2},
                                  {"\"odd\nname\",b\n1,2\n", 1},
                                  {"a\n\"\"\"\"\n\"\"\"\n\"\"\"\n", 2},
                                  {"a\n\"\\.\"\n\\x0a\n", 2}};
  for (const Case& each : cases) {
    for (const std::size_t size : {1UL, 2UL, 3UL, 1000UL}) {
      CAPTURE(each.text);
      CAPTURE(size);
      CsvCounter counter;
      feed(counter, each.text, size);
      CHECK(counter.rows() == each.rows);
      CHECK(counter.fault() == "");
    }
  }
}

TEST_CASE("a CSV stream that ends in the middle of a row is at fault") {
  for (const char* text : {"", "a,b", "a,b\n1,2", "a,b\n1,\"x\n", "a,b\n1,\"x\n\n"}) {
    CAPTURE(text);
    CsvCounter counter;
    counter.feed(text);
    CHECK(counter.fault() != "");
  }
}
