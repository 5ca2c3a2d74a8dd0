#include "espalier/data/table_reader.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using Fields = std::vector<std::string>;

// All rows of a file, as fields.
std::vector<Fields> rows_of(const std::filesystem::path& path) {
  TableReader reader(path);
  std::vector<Fields> rows;
  for (Row row; reader.next(row);) rows.push_back(row.fields);
  return rows;
}

std::string error_of(const std::filesystem::path& path) {
  const std::string message = testing::error_of([&] { rows_of(path); });
  const std::string prefix = path.string() + ": ";
  CHECK(message.starts_with(prefix));
  return message.substr(std::min(prefix.size(), message.size()));
}

}  // namespace

TEST_CASE("the extension says the format, .gz or not, in any case") {
  CHECK(table_format("a/b.tsv") == TableFormat::kTsv);
  CHECK(table_format("b.CSV.gz") == TableFormat::kCsv);
  CHECK(table_format("b.jsonl") == TableFormat::kJsonl);
  CHECK(table_format("b.v2.ndjson.gz") == TableFormat::kJsonl);
  CHECK(table_format("b.txt") == TableFormat::kText);
  CHECK(testing::error_of([] { table_format("data/b.parquet"); }) ==
        "data/b.parquet: the extension says what a file holds: expected .tsv, .csv, .jsonl or .txt (with .gz "
        "behind it if packed), found `.parquet`");
}

TEST_CASE("TSV: quotes are text, blanks stay, Windows line ends and a byte-order mark go") {
  const testing::TempDir dir;
  const auto path =
      dir.write("a.tsv", "\xEF\xBB\xBFsentence\tlabel\r\n\"quoted \tx\r\n it 's \"fine \t\r\n\r\n\t7");
  CHECK(TableReader(path).columns() == Fields{"sentence", "label"});
  CHECK(rows_of(path) == std::vector<Fields>{{"\"quoted ", "x"}, {" it 's \"fine ", ""}, {"", "7"}});
}

TEST_CASE("rows know their line, the blank ones counted") {
  const testing::TempDir dir;
  TableReader reader(dir.write("a.tsv", "a\tb\n\n1\t2\n\n3\t4\n"));
  Row row;
  REQUIRE(reader.next(row));
  CHECK(row.line == 3);
  REQUIRE(reader.next(row));
  CHECK(row.line == 5);
  CHECK_FALSE(reader.next(row));
}

TEST_CASE("an empty line is an empty text where there is one column") {
  const testing::TempDir dir;
  CHECK(rows_of(dir.write("a.tsv", "sentence\none\n\nthree\n")) ==
        std::vector<Fields>{{"one"}, {""}, {"three"}});
  CHECK(rows_of(dir.write("a.txt", "one\n\nthree\n")) == std::vector<Fields>{{"one"}, {""}, {"three"}});
}

TEST_CASE("CSV as RFC 4180") {
  const testing::TempDir dir;
  const auto path = dir.write("a.csv",
                              "text,\"the, label\"\r\n"
                              "plain,1\r\n"
                              "\"a, \"\"b\"\"\r\nsecond line\",2\r\n"
                              ",\"\"\r\n"
                              "in\"side, x \r\n");
  CHECK(TableReader(path).columns() == Fields{"text", "the, label"});
  CHECK(rows_of(path) ==
        std::vector<Fields>{{"plain", "1"}, {"a, \"b\"\nsecond line", "2"}, {"", ""}, {"in\"side", " x "}});
}

TEST_CASE("CSV errors name the line") {
  const testing::TempDir dir;
  CHECK(error_of(dir.write("open.csv", "a,b\n1,2\n\"x,3\n4,5\n")) ==
        "line 3: the quoted field that begins here is not closed before the file ends");
  CHECK(error_of(dir.write("after.csv", "a,b\n\"x\" y,3\n")) ==
        "line 2: expected a comma or the line end after the closing quote of a field, found ` y,3` (a quote "
        "inside a quoted field is written twice)");
  CHECK(error_of(dir.write("huge.csv", "a,b\n\"x,3\n" + std::string(17 << 20, 'y') + "\n")) ==
        "line 2: the quoted field that begins here is not closed within 16 MiB");
}

TEST_CASE("a wrong number of columns says where, what was expected and found") {
  const testing::TempDir dir;
  CHECK(error_of(dir.write("a.tsv", "sentence\tlabel\ngood\t1\nbad\n")) ==
        "line 3: expected 2 columns (sentence, label), found 1");
  CHECK(error_of(dir.write("b.csv", "text\nx,y\n")) == "line 2: expected 1 column (text), found 2");
}

TEST_CASE("an empty file") {
  const testing::TempDir dir;
  CHECK(error_of(dir.write("a.tsv", "")) ==
        "the file is empty; expected a first line with the names of the columns");
  CHECK(error_of(dir.write("a.jsonl", "\n\n")) == "the file is empty; expected one JSON object a line");
}

TEST_CASE("a missing column names its setting and those that exist") {
  const testing::TempDir dir;
  const TableReader reader(dir.write("a.tsv", "text\tlabel\ttext\nx\ty\tz\n"));
  CHECK(reader.column("label", "task.label") == 1);
  CHECK(testing::error_of([&] {
          reader.column("sentence", "task.text");
        }).ends_with("a.tsv: no column `sentence` (task.text); the columns are: text, label, text"));
  CHECK(testing::error_of([&] {
          reader.column("text", "task.text");
        }).ends_with("a.tsv: two columns are named `text` (task.text); give each its own name"));
}

TEST_CASE("JSON lines") {
  const testing::TempDir dir;
  TableReader reader(dir.write("a.jsonl",
                               "{\"text\": \"a\\tb\", \"label\": 3, \"x\": [1]}\n\n"
                               "{\"label\": \" yes \", \"text\": 5}\n{\"text\": \"c\", \"label\": true}\n"));
  CHECK(reader.columns() == Fields{"text", "label", "x"});
  Row row;
  REQUIRE(reader.next(row));
  CHECK(reader.text(row, 0) == "a\tb");
  CHECK(reader.value(row, 1) == "3");
  CHECK(testing::error_of([&] {
          reader.value(row, 2);
        }).ends_with("line 1: `x` must be a string or a number, found a list"));
  REQUIRE(reader.next(row));
  CHECK(row.line == 3);
  CHECK(reader.value(row, 1) == "yes");
  CHECK(testing::error_of([&] {
          reader.text(row, 0);
        }).ends_with("line 3: `text` must be a string, found the number 5"));
  CHECK(testing::error_of([&] {
          reader.value(row, 2);
        }).ends_with("line 3: `x` must be a string or a number, found nothing (no such key)"));
  REQUIRE(reader.next(row));
  CHECK(reader.value(row, 1) == "true");
  CHECK_FALSE(reader.next(row));
}

TEST_CASE("lines that are not JSON objects") {
  const testing::TempDir dir;
  CHECK(error_of(dir.write("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"a}\n"))
            .starts_with("line 2: expected one JSON object a line; column "));
  CHECK(error_of(dir.write("b.jsonl", "[1, 2]\n")) ==
        "line 1: expected one JSON object a line, found a list");
}

TEST_CASE("without a header the columns are numbered and the first line is a row") {
  const testing::TempDir dir;
  TableOptions options;
  options.header = false;
  TableReader reader(dir.write("a.tsv", "gj04\t1\t\tA sentence.\n"), TableFormat::kTsv, options);
  CHECK(reader.columns() == Fields{"1", "2", "3", "4"});
  Row row;
  REQUIRE(reader.next(row));
  CHECK(row.fields == Fields{"gj04", "1", "", "A sentence."});
  CHECK(row.line == 1);
  CHECK_FALSE(reader.next(row));
}

TEST_CASE("NUL bytes and invalid UTF-8 pass through") {
  const testing::TempDir dir;
  const std::string odd("a\0b\xFF", 4);
  CHECK(rows_of(dir.write("a.tsv", "x\ty\n" + odd + "\t1\n")) == std::vector<Fields>{{odd, "1"}});
}

}  // namespace espalier::data
