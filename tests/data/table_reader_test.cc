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

std::string error_of_table(const std::filesystem::path& path) {
  const std::string message = testing::error_of([&] { rows_of(path); });
  const std::string prefix = path.string() + ": ";
  CHECK(message.starts_with(prefix));
  return message.substr(std::min(prefix.size(), message.size()));
}

}  // namespace

TEST_CASE("the extension says the format, .gz or not, in any case") {
  CHECK(table_format("a/b.tsv") == TableFormat::kTsv);
  CHECK(table_format("b.CSV.gz") == TableFormat::kCsv);
  CHECK(table_format("b.txt.ZST") == TableFormat::kText);
  CHECK(table_format("b.jsonl.zst") == TableFormat::kJsonl);
  CHECK(table_format("b.jsonl") == TableFormat::kJsonl);
  CHECK(table_format("b.v2.ndjson.gz") == TableFormat::kJsonl);
  CHECK(table_format("b.txt") == TableFormat::kText);
  CHECK(testing::error_of([] { table_format("data/b.parquet"); }) ==
        "data/b.parquet: the extension says what a file holds: expected .tsv, .csv, .jsonl (or .ndjson) "
        "or .txt (with .gz or .zst behind it if packed), found `.parquet`; it is a Parquet file; write it as "
        "JSON lines first: python3 -c 'import json, sys, pyarrow.parquet as p; [print(json.dumps(r, "
        "default=str)) for b in p.ParquetFile(sys.argv[1]).iter_batches() for r in b.to_pylist()]' "
        "FILE.parquet | zstd > FILE.jsonl.zst");
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
  CHECK(error_of_table(dir.write("open.csv", "a,b\n1,2\n\"x,3\n4,5\n")) ==
        "line 3: the quoted field that begins here is not closed before the file ends");
  CHECK(error_of_table(dir.write("after.csv", "a,b\n\"x\" y,3\n")) ==
        "line 2: expected a comma or the line end after the closing quote of a field, found ` y,3` (a quote "
        "inside a quoted field is written twice)");
  CHECK(error_of_table(dir.write("huge.csv", "a,b\n\"x,3\n" + std::string(17 << 20, 'y') + "\n")) ==
        "line 2: the quoted field that begins here is not closed within 16 MiB");
}

TEST_CASE("a wrong number of columns says where, what was expected and found") {
  const testing::TempDir dir;
  CHECK(error_of_table(dir.write("a.tsv", "sentence\tlabel\ngood\t1\nbad\n")) ==
        "line 3: expected 2 columns (sentence, label), found 1");
  CHECK(error_of_table(dir.write("b.csv", "text\nx,y\n")) == "line 2: expected 1 column (text), found 2");
}

TEST_CASE("an empty file") {
  const testing::TempDir dir;
  CHECK(error_of_table(dir.write("a.tsv", "")) ==
        "the file is empty; expected a first line with the names of the columns");
  CHECK(error_of_table(dir.write("a.jsonl", "\n\n")) == "the file is empty; expected one JSON object a line");
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
  CHECK(error_of_table(dir.write("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"a}\n"))
            .starts_with("line 2: expected one JSON object a line; column "));
  CHECK(error_of_table(dir.write("b.jsonl", "[1, 2]\n")) ==
        "line 1: expected one JSON object a line, found a list");
  for (const std::string big : {"18446744073709551616", "-9223372036854775809"}) {
    CHECK(error_of_table(dir.write("c.jsonl", "{\"id\": 1}\n{\"s\": \"\\\"12\", \"id\": [" + big + "]}\n")) ==
          "line 2: " + big + " is an integer beyond 64 bits: write it as a string");
  }
  // What 64 bits hold, what is no integer, and what is text.
  CHECK(rows_of(dir.write("d.jsonl",
                          "{\"a\": [18446744073709551615, -9223372036854775808, 1e30, -Infinity, "
                          "123456789012345678901.5], \"t\": \"\\\" 18446744073709551616\"}\n"))
            .size() == 1);
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

TEST_CASE("a separator of one's own; whether quotes are text is the format's") {
  const testing::TempDir dir;
  TableOptions options;
  options.separator = ';';
  const auto rows = [&](const std::string& name, const std::string& text) {
    const auto path = dir.write(name, text);
    TableReader reader(path, table_format(path), options);
    std::vector<Fields> result = {reader.columns()};
    for (Row row; reader.next(row);) result.push_back(row.fields);
    return result;
  };
  CHECK(rows("a.csv", "a;b\n\"x;\"\"y\"\"\";1,5\n") == std::vector<Fields>{{"a", "b"}, {"x;\"y\"", "1,5"}});
  CHECK(rows("a.tsv", "a;b\n\"x\";1\t5\n") == std::vector<Fields>{{"a", "b"}, {"\"x\"", "1\t5"}});
  CHECK(rows("a.txt", "a;b\nx;\n") == std::vector<Fields>{{"a", "b"}, {"x", ""}});
  CHECK(testing::error_of([&] {
          rows("a.jsonl", "{}\n");
        }).ends_with("a.jsonl: JSON lines have keys, no separator and no header; leave these settings out"));
  CHECK(testing::error_of([&] {
          rows("b.csv", "a;b\n\"x\"y;2\n");
        }).find("line 2: expected `;` or the line end after the closing quote of a field, found `y;2`") !=
        std::string::npos);
}

TEST_CASE("separators by name") {
  CHECK_FALSE(parse_separator("auto", "task.separator"));
  CHECK(parse_separator("tab", "task.separator") == '\t');
  CHECK(parse_separator("comma", "task.separator") == ',');
  CHECK(parse_separator("semicolon", "task.separator") == ';');
  CHECK(parse_separator("pipe", "task.separator") == '|');
  CHECK(parse_separator("^", "task.separator") == '^');
  for (const char* bad : {"", "\"", "colons", "\xC2\xA6"}) {
    CHECK(testing::error_of([&] {
            parse_separator(bad, "--separator");
          }).starts_with("--separator: expected auto, tab, comma, semicolon, pipe or one ASCII character"));
  }
}

TEST_CASE("CSV: blanks around quotes are no text, within an unquoted field they are") {
  const testing::TempDir dir;
  const auto path = dir.write("a.csv", "label, sentence\nbad, \"dull, they said\" \ngood,  fine \n");
  CHECK(TableReader(path).columns() == Fields{"label", "sentence"});
  CHECK(rows_of(path) == std::vector<Fields>{{"bad", "dull, they said"}, {"good", "  fine "}});
}

TEST_CASE("a missing column: the cause and the way out") {
  const testing::TempDir dir;
  const auto hint = [&](const std::string& name, const std::string& text, const std::string& column,
                        const std::string& key, const TableOptions& options = {}) {
    const auto path = dir.write(name, text);
    const std::string message =
        testing::error_of([&] { (void)TableReader(path, table_format(path), options).column(column, key); });
    return message.substr(std::min(message.size(), message.find("; ")));
  };
  CHECK(hint("a.csv", "question1,question_2\nx,y\n", "question2", "task.text_pair")
            .ends_with("; did you mean `question_2`?"));
  CHECK(hint("a.csv", "sentence; \"label\"\nx;y\n", "label", "task.label")
            .ends_with("; the file looks separated by semicolons: task.separator=semicolon"));
  CHECK(hint("q.csv", "\"sentence\";\"label\"\nx;y\n", "label", "task.label")
            .ends_with("; a file separated by semicolons is read with the separator semicolon)"));
  CHECK(hint("a.csv", "sentence\tlabel\nx\ty\n", "sentence", "--text-column")
            .ends_with("; the file looks separated by tabs: --separator tab"));
  CHECK(hint("a.csv", "body; text\nx;y\n", "text", "text.field").ends_with(": text.separator=semicolon"));
  CHECK(hint("a.csv", "The soup was cold today.\nx\n", "text", "text.field")
            .ends_with("without header text.header=false, and columns by number (text.field=1)"));
  CHECK(hint("a.tsv", "A text of more than forty byte with an \xC3\xA9\xC3\xA9.\tb\n", "s", "task.text")
            .starts_with("; the columns are: A text of more than forty byte with an ..., b; "));
  CHECK(hint("a.tsv", "sentence,label\nx,y\n", "sentence", "task.text").ends_with("task.separator=comma"));
  CHECK(hint("a.tsv", "The soup was cold.\tbad\nx\ty\n", "sentence", "task.text")
            .ends_with("; the first line looks like a row: for a file without header task.header=false, and "
                       "columns by number "
                       "(task.text=1)"));
  CHECK(hint("a.tsv", "The soup was cold.\tbad\nx\ty\n", "sentence", "--text-column")
            .ends_with("--no-header, and columns by number (--text-column 1)"));
  CHECK(hint("a.tsv", "\"sentence\"\t\"label\"\nx\ty\n", "label", "task.label")
            .ends_with("; fields in quotes are read by task.format=csv task.separator=tab"));
  CHECK(hint("a.tsv", "\"sentence\"\t\"label\"\nx\ty\n", "label", "--label-column")
            .ends_with("; fields in quotes are read by --format csv --separator tab"));
  TableOptions headless;
  headless.header = false;
  CHECK(hint("a.tsv", "x\ty\n", "sentence", "task.text", headless)
            .ends_with("; without a header columns go by number: task.text=1"));
  CHECK(hint("a.txt", "x\ty\n", "sentence", "task.text").ends_with("task.separator=tab reads it as a table"));
}

TEST_CASE("a quoted field that a .tsv does not read is told of where it breaks a row") {
  const testing::TempDir dir;
  const auto path = dir.write("a.tsv", "text\tlabel\n\"a\nb\"\tgood\n");
  const auto message = [&](const TableOptions& options) {
    TableReader reader(path, TableFormat::kTsv, options);
    Row row;
    return testing::error_of([&] { reader.next(row); });
  };
  TableOptions options;
  CHECK(message(options).ends_with("expected 2 columns (text, label), found 1"));
  options.skip_setting = "text.on_bad_record=skip";
  CHECK(
      message(options).ends_with("found 1; fields in quotes are read by text.format=csv text.separator=tab; "
                                 "text.on_bad_record=skip leaves such records out, counted"));
  options.fixed = true;
  CHECK(message(options).find("quotes") == std::string::npos);
}

TEST_CASE("no row at all is an error, whatever the format") {
  const testing::TempDir dir;
  CHECK(error_of_table(dir.write("a.tsv", "sentence\tlabel\n")) == "the file has a header but no rows");
  CHECK(error_of_table(dir.write("a.csv", "sentence,label\n\n")) == "the file has a header but no rows");
  CHECK(error_of_table(dir.write("a.txt", "")) == "the file is empty; expected rows");
}

TEST_CASE("JSON lines: the columns are the keys of all objects, not of the first") {
  const testing::TempDir dir;
  TableReader reader(dir.write("a.jsonl", "{\"id\": 1}\n{\"text\": \"x\", \"id\": 2}\n{\"label\": 1.0}\n"));
  CHECK(reader.columns() == Fields{"id", "text", "label"});
  Row row;
  REQUIRE(reader.next(row));
  CHECK(testing::error_of([&] {
          reader.text(row, 1);
        }).ends_with("line 1: `text` must be a string, found nothing (no such key)"));
  REQUIRE(reader.next(row));
  CHECK(reader.text(row, 1) == "x");
  REQUIRE(reader.next(row));
  CHECK(reader.value(row, 2) == "1");
}

TEST_CASE("bad records are left out if asked, counted with their lines") {
  const testing::TempDir dir;
  TableOptions options;
  options.on_bad_record = OnBadRecord::kSkip;
  const auto lines = [&](const std::string& name, const std::string& text, std::string& left_out) {
    const auto path = dir.write(name, text);
    TableReader reader(path, table_format(path), options);
    std::vector<std::uint64_t> result;
    for (Row row; reader.next(row);) result.push_back(row.line);
    left_out = reader.left_out().text();
    return result;
  };
  std::string left_out;
  CHECK(lines("a.tsv", "a\tb\n1\t2\n3\n4\t5\n6\t7\t8\n", left_out) == std::vector<std::uint64_t>{2, 4});
  CHECK(left_out == "2 records left out (lines 3, 5; the first: expected 2 columns (a, b), found 1)");
  CHECK(lines("a.csv", "a,b\n\"x\"y,2\n3,4\n", left_out) == std::vector<std::uint64_t>{3});
  CHECK(left_out.starts_with("1 record left out (line 2; expected a comma or the line end"));
  CHECK(lines("a.jsonl", "{\"a\": 1}\n{\"a\": \n[1]\n{\"a\": 2}\n", left_out) ==
        std::vector<std::uint64_t>{1, 4});
  CHECK(left_out.starts_with("2 records left out (lines 2, 3; the first: expected one JSON object a line"));
  CHECK(testing::error_of([&] {
          lines("none.tsv", "a\tb\n1\n", left_out);
        }).find("none.tsv: no row can be used: 1 record left out (line 2") != std::string::npos);
  // A stray quote takes in good rows, up to the next one or to the end: they are read again.
  CHECK(lines("open.csv", "a,b\n\"1,2\n3,4\n5,6\n", left_out) == std::vector<std::uint64_t>{3, 4});
  CHECK(left_out.starts_with("1 record left out (line 2; the quoted field that begins here is not closed"));
  CHECK(lines("stray.csv", "a,b\n1,\"2\n3,4\n\"5\n5\",6\n\"7\",8\n", left_out) ==
        std::vector<std::uint64_t>{3, 4, 6});
  CHECK(left_out.starts_with("1 record left out (line 2; expected a comma or the line end"));
}

TEST_CASE("NUL bytes and invalid UTF-8 pass through") {
  const testing::TempDir dir;
  const std::string odd("a\0b\xFF", 4);
  CHECK(rows_of(dir.write("a.tsv", "x\ty\n" + odd + "\t1\n")) == std::vector<Fields>{{odd, "1"}});
}

}  // namespace espalier::data
