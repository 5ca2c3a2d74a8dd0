#include "data/table_writer.h"

#include <doctest/doctest.h>

#include "espalier/data/table_reader.h"
#include "tests/support/support.h"

namespace espalier::data {

TEST_CASE("what is written is read back") {
  const testing::TempDir dir;
  const std::vector<std::string> header = {"a", "b,c"};
  const std::vector<std::string> fields = {" \"x\", it's", "\"\""};
  for (const TableFormat format : {TableFormat::kTsv, TableFormat::kCsv}) {
    std::string text;
    append_table_line(format, header, "header", text);
    append_table_line(format, fields, "row", text);
    TableReader reader(dir.write("t", text), format);
    CHECK(reader.columns() == header);
    Row row;
    REQUIRE(reader.next(row));
    CHECK(row.fields == fields);
  }
  std::string csv = "a,b\n";
  append_table_line(TableFormat::kCsv, {"line\nend", "tab\t"}, "row", csv);
  TableReader reader(dir.write("t.csv", csv));
  Row row;
  REQUIRE(reader.next(row));
  CHECK(row.fields == std::vector<std::string>{"line\nend", "tab\t"});
}

TEST_CASE("TSV cannot hold tabs and line ends, and refuses them") {
  for (const char* bad : {"a\tb", "a\nb", "a\rb"}) {
    std::string text;
    CHECK(testing::error_of([&] { append_table_line(TableFormat::kTsv, {bad}, "line 7", text); }) ==
          "line 7 has a tab or a line end in a field, which TSV cannot hold; write .csv or .jsonl");
  }
}

}  // namespace espalier::data
