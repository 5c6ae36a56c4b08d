// SPDX-License-Identifier: Apache-2.0
// Name templates: what they may hold, how long they get, whether they tell partitions apart.
#include <doctest/doctest.h>

#include "config/name_template.hpp"

using namespace pgcaretaker::config;

namespace {

std::string missing(const std::string& name, const std::string& interval) {
  const NameTemplate read = read_name_template(name);
  REQUIRE(read.fault == "");
  const auto parsed = parse_interval(interval);
  REQUIRE(parsed);
  return missing_conversions(read, *parsed);
}

}  // namespace

TEST_CASE("a template is measured with each conversion at its full width") {
  const NameTemplate name = read_name_template("{table}_y%Ym%m_100%%_{table}");
  CHECK(name.fault == "");
  CHECK(name.conversions == "Ym");
  CHECK(name.table_marks == 2);
  CHECK(name.fixed_bytes == std::string{"_y2026m11_100%_"}.size());
  CHECK(read_name_template("%Y%y%m%d%H%j%q%G%V").fixed_bytes == 4 + 2 + 2 + 2 + 2 + 3 + 1 + 4 + 2);
}

TEST_CASE("conversions and braces that mean nothing are a fault") {
  for (const std::string text : {"%b", "%", "x%", "%-m", "%M", "% Y", "{table", "table}", "{}",
                                 "{Table}", "{{table}}", "%{table}"}) {
    CAPTURE(text);
    CHECK(read_name_template(text).fault != "");
  }
}

TEST_CASE("a template must tell the partitions of its interval apart") {
  struct Row {
    std::string name;
    std::string interval;
    std::string missing;
  };
  for (const Row& row : {
           Row{"%Y", "year", ""},          Row{"%y", "year", ""},
           Row{"%G", "year", "%Y"},        Row{"%m", "year", "%Y"},
           Row{"%Y", "10 years", ""},      Row{"%Y", "12 months", ""},
           Row{"%Y", "24 months", ""},     Row{"%Y", "4 quarters", ""},
           Row{"%Y", "quarter", "%q"},     Row{"%Yq%q", "quarter", ""},
           Row{"%Ym%m", "quarter", ""},    Row{"%q", "quarter", "%Y"},
           Row{"%Yq%q", "3 months", ""},   Row{"%Yq%q", "1 month", "%m"},
           Row{"%Y%m", "1 month", ""},     Row{"%Y%j", "1 month", ""},
           Row{"%Y", "2 months", "%m"},    Row{"", "1 month", "%Y%m"},
           Row{"%G%V", "1 week", ""},      Row{"%Y%V", "1 week", "%G"},
           Row{"%G", "1 week", "%V"},      Row{"%Y%m%d", "2 weeks", ""},
           Row{"%Y%j", "1 week", ""},      Row{"", "1 week", "%G%V"},
           Row{"%Y%m%d", "1 day", ""},     Row{"%y%j", "1 day", ""},
           Row{"%Y%m", "1 day", "%d"},     Row{"%Y%d", "10 days", "%m"},
           Row{"%G%V", "1 day", "%Y%m%d"}, Row{"%j", "1 day", "%Y"},
           Row{"%Y%m%d", "24 hours", ""},  Row{"%Y%m%d", "36 hours", "%H"},
           Row{"%Y%m%d", "1 hour", "%H"},  Row{"%Y%j%H", "1 hour", ""},
           Row{"%H", "1 hour", "%Y%m%d"},
       }) {
    CAPTURE(row.name);
    CAPTURE(row.interval);
    CHECK(missing(row.name, row.interval) == row.missing);
  }
}
