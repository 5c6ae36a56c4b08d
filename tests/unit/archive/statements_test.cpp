// SPDX-License-Identifier: Apache-2.0
// The SQL around archives, and what is said of columns that have changed.
#include "archive/statements.hpp"

#include <doctest/doctest.h>

#include "archive/progress.hpp"
#include "archive/proof.hpp"
#include "unit/archive/manifest_of_events.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::archive;

using Differences = std::vector<std::string>;

TEST_CASE("a free-standing table has the archived columns, quoted") {
  CHECK(create_free_sql(test::manifest_of_events(), {"back", "e"}) ==
        "CREATE TABLE \"back\".\"e\" (\n"
        "  \"id\" bigint NOT NULL,\n"
        "  \"at\" timestamp with time zone NOT NULL,\n"
        "  \"no\"\"te\" text COLLATE \"pg_catalog\".\"C\",\n"
        "  \"length\" integer GENERATED ALWAYS AS (length(\"no\"\"te\")) STORED)");
  CHECK(copy_in_sql(test::manifest_of_events(), {"back", "e"}, FileFormat::csv, "UTF8") ==
        "COPY \"back\".\"e\" (\"id\", \"at\", \"no\"\"te\") FROM STDIN (FORMAT csv, HEADER)");
}

TEST_CASE("names that are not ASCII are the same in every encoding that COPY is sent in") {
  Manifest manifest = test::manifest_of_events();
  manifest.encoding = "LATIN1";
  manifest.table = {"audit", "größe \\ \""};
  manifest.columns = {Column{"id", "bigint"}, Column{"€", "bigint"}, Column{"\U0001F600", "text"}};
  CHECK(copy_out_sql(manifest, FileFormat::binary) ==
        "COPY \"audit\".U&\"gr\\+0000F6\\+0000DFe \\\\ \"\"\" (\"id\", U&\"\\+0020AC\", "
        "U&\"\\+01F600\") TO STDOUT (FORMAT binary)");
  manifest.columns.resize(2);
  CHECK(copy_in_sql(manifest, {"s", "ä"}, FileFormat::csv, "SQL_ASCII") ==
        "COPY \"s\".\"ä\" (\"id\", \"€\") FROM STDIN (FORMAT csv, HEADER)");
}

TEST_CASE("columns that have changed are named, their order is of no matter") {
  const std::vector<Column> archived = test::manifest_of_events().columns;
  std::vector<Column> present = archived;
  CHECK(column_differences(archived, present).empty());
  std::swap(present[0], present[2]);
  CHECK(column_differences(archived, present).empty());
  present[0].collation.reset();
  present[1].type = "date";
  present[3].expression = "0";
  present.erase(present.begin() + 2);
  present.push_back(Column{"extra", "text"});
  CHECK(column_differences(archived, present) ==
        Differences{"column id is gone", "column at was timestamp with time zone, is date now",
                    "column no\"te was text COLLATE \"pg_catalog\".\"C\", is text now",
                    "column length was generated as length(\"no\"\"te\"), is as 0 now",
                    "column extra is new"});
}

TEST_CASE("the proof names the table's identity and its content, and asks for its one row") {
  auto statements = unchanged_since_archived(11, {"s", "t"});
  REQUIRE(statements.size() == 2);
  CHECK(statements[0].sql == "ALTER TABLE \"s\".\"t\" NO FORCE ROW LEVEL SECURITY");
  CHECK(statements[1].expect_rows == 1);
  CHECK(statements[1].sql.find("regclass::pg_catalog.oid = 11\n") != std::string::npos);
  compare_with(statements[1], {11, 12, 13, -14});
  CHECK(statements[1].params == std::vector<std::string>{"13", "-14", "12"});
}

TEST_CASE("progress is a share of all rows to be written and read back") {
  Progress progress{"public.t", "writing data.bin.zst", 370, 1000, 12500000};
  CHECK(progress.ratio() == doctest::Approx(0.37));
  CHECK(progress_line(progress) == "public.t: writing data.bin.zst, 37 % (12.5 MB)");
  CHECK(progress_sample("public.p", &progress).value == doctest::Approx(0.37));
  CHECK(progress_sample("public.p", nullptr).value == 0);
  progress.rows_total = 0;
  CHECK(progress.ratio() == 0);
}
