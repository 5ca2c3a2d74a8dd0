#include "espalier/data/corpus.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "espalier/base/error.h"
#include "espalier/data/glob.h"
#include "espalier/data/table_reader.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Strings;

Strings documents_of(CorpusReader& reader) {
  Strings texts;
  for (Document document; reader.next(document);) texts.push_back(document.text);
  return texts;
}

Strings documents_of(const std::filesystem::path& path, std::size_t limit = 1 << 20) {
  CorpusOptions options;
  options.max_document_bytes = limit;
  CorpusReader reader({path}, options);
  return documents_of(reader);
}

// gzip is part of every Debian system.
std::filesystem::path packed(const std::filesystem::path& path) {
  REQUIRE(std::system(("gzip -nf '" + path.string() + "'").c_str()) == 0);
  return path.string() + ".gz";
}

std::string error_of_patterns(const std::vector<std::string>& patterns) {
  return testing::error_of([&] { expand_globs(patterns); });
}

}  // namespace

TEST_CASE("of several files, an empty one of any format is told and passed over") {
  const testing::TempDir dir;
  dir.write("a.txt", "first\n");
  dir.write("b.csv", "text\nsecond\n");
  dir.write("c.jsonl", "{\"text\": \"third\"}\n");
  std::vector<std::filesystem::path> files = {dir / "a.txt", dir / "b.csv", dir / "c.jsonl"};
  std::vector<std::string> told;
  for (const char* name : {"0.txt", "0.csv", "0.tsv", "0.jsonl"}) {
    dir.write(name, "");
    files.insert(files.begin() + 1, dir / name);
    told.insert(told.begin(), (dir / name).string() + ": the file is empty");
  }
  CorpusReader reader(files);
  CHECK(documents_of(reader) == Strings{"first", "second", "third"});
  CHECK(reader.left_out() == told);
  // Alone it is an error where columns are needed.
  CHECK(testing::error_of([&] { documents_of(dir / "0.csv"); }).find("the file is empty") !=
        std::string::npos);
}

TEST_CASE("of several files, one without a row that can be read is told and passed over") {
  const testing::TempDir dir;
  dir.write("a.csv", "text\n");
  dir.write("b.csv", "other,text\n1\n2\n");
  dir.write("c.csv", "text\nfirst\n");
  const auto empty = packed(dir.write("d.csv", ""));
  CorpusOptions options;
  options.on_bad_record = OnBadRecord::kSkip;
  dir.write("e.txt", "\n \n");
  dir.write("f.jsonl", "\n");
  CorpusReader reader({dir / "a.csv", dir / "b.csv", dir / "c.csv", empty, dir / "e.txt", dir / "f.jsonl"},
                      options);
  CHECK(documents_of(reader) == Strings{"first"});
  REQUIRE(reader.left_out().size() == 5);
  CHECK(reader.left_out()[3].ends_with("e.txt: no text in it"));
  CHECK(reader.left_out()[4].ends_with("f.jsonl: no text in it"));
  CHECK(reader.left_out()[0].ends_with("a.csv: the file has a header but no rows"));
  CHECK(reader.left_out()[1].find("b.csv: 2 records left out (lines 2, 3; ") != std::string::npos);
  CHECK(reader.left_out()[2].find("d.csv.gz: the file is empty") != std::string::npos);
  CHECK(reader.position() == reader.total_bytes());
  CHECK_THROWS_AS(documents_of(dir / "a.csv"), NoRows);
}

TEST_CASE("a line of any length is cut as a long document is; in JSON lines it is left out") {
  const testing::TempDir dir;
  std::string line;
  while (line.size() < (std::size_t{65} << 20)) line += "some words of a line that does not end ";
  dir.write("a.txt", line + "\n\nlast\n");
  std::string joined;
  CorpusReader reader({dir / "a.txt"});
  std::string last;
  for (Document document; reader.next(document); last = document.text) joined += document.text;
  CHECK(joined == line + "last");
  CHECK(last == "last");
  dir.write("b.jsonl", "{\"text\": \"first\"}\n{\"text\": \"" + line + "\"}\n{\"text\": \"third\"}\n");
  CorpusOptions options;
  options.on_bad_record = OnBadRecord::kSkip;
  CorpusReader records({dir / "b.jsonl"}, options);
  CHECK(documents_of(records) == Strings{"first", "third"});
  CHECK(records.left_out()[0].ends_with("1 record left out (line 2; longer than 67108864 bytes)"));
  CHECK(testing::error_of([&] { documents_of(dir / "b.jsonl"); })
            .ends_with("line 2: longer than 67108864 bytes; text.on_bad_record=skip leaves such records out, "
                       "counted"));
}

TEST_CASE("patterns give sorted files, each once, in the order of the patterns") {
  const testing::TempDir dir;
  for (const char* name : {"b.txt", "a.txt", "c.jsonl", "z/d.txt.gz", "we[i]rd.txt"}) dir.write(name, "x\n");
  const std::string root = dir.path().string() + "/";
  const auto names = [&](const std::vector<std::string>& patterns) {
    Strings result;
    for (const auto& path : expand_globs(patterns)) result.push_back(path.string().substr(root.size()));
    return result;
  };
  CHECK(names({root + "?.txt"}) == Strings{"a.txt", "b.txt"});
  CHECK(names({root + "c.*", root + "*.txt", root + "a.txt", root + "./b.txt"}) ==
        Strings{"c.jsonl", "a.txt", "b.txt", "we[i]rd.txt"});
  CHECK(names({root + "*/*"}) == Strings{"z/d.txt.gz"});
  CHECK(names({root + "we[i]rd.txt"}) == Strings{"we[i]rd.txt"});
}

TEST_CASE("patterns that cannot be used") {
  const testing::TempDir dir;
  const std::string root = dir.path().string();
  dir.write("a.pdf", "x");
  CHECK(error_of_patterns({}) == "text.files: no files are named");
  CHECK(error_of_patterns({root + "/*.txt"})
            .starts_with("text.files: `" + root + "/*.txt` matches no file (from the"));
  CHECK(error_of_patterns({root}) ==
        "text.files: `" + root + "` is a folder; name its files, as `" + root + "/*.txt.gz`");
  const std::string unknown = error_of_patterns({root + "/*.pdf"});
  CHECK(unknown.starts_with("text.files: " + root +
                            "/a.pdf: the extension says what a file holds: expected .tsv"));
  CHECK(unknown.ends_with("found `.pdf`; text.format names the format of such files"));
  CHECK(expand_globs({root + "/*.pdf", "-"}, true).size() == 2);
}

TEST_CASE("text: blank lines between documents, one paragraph a line") {
  const testing::TempDir dir;
  const auto path = dir.write("a.txt", "\n  \nFirst paragraph.\r\nSecond.\r\n \t\r\n\n\nOther document.\n\n");
  CHECK(documents_of(path) == Strings{"First paragraph.\nSecond.", "Other document."});
  CHECK(documents_of(packed(path)) == Strings{"First paragraph.\nSecond.", "Other document."});
  CHECK(documents_of(dir.write("one.txt", "a single line without end")) ==
        Strings{"a single line without end"});
  CHECK(documents_of(dir.write("empty.txt", "")) == Strings{});
  CHECK(documents_of(dir.write("blank.txt", "\n\n \n")) == Strings{});
}

TEST_CASE("JSON lines: the text field, line ends and all") {
  const testing::TempDir dir;
  const auto path = dir.write("a.jsonl",
                              "{\"id\": 1, \"text\": \"one\\n\\ntwo\"}\n\n"
                              "{\"text\": \"  \\n\"}\n{\"text\": \"three\"}\n");
  CorpusReader reader({packed(path)});
  CHECK(documents_of(reader) == Strings{"one\n\ntwo", "three"});
  CHECK(reader.counts().documents == 2);
  CHECK(reader.counts().empty == 1);
  CHECK(reader.counts().bytes == 13);
}

TEST_CASE("bad JSON lines name file, line and what was expected") {
  const testing::TempDir dir;
  const std::string way_out = "; text.on_bad_record=skip leaves such records out, counted";
  const auto message = [&](const std::string& text) {
    const auto path = dir.write("bad.jsonl", text);
    const std::string error = testing::error_of([&] { documents_of(path); });
    CHECK(error.starts_with(path.string() + ": "));
    return error.substr(path.string().size() + 2);
  };
  CHECK(message("{\"text\": \"a\"}\n{\"text\": 3}\n") ==
        "line 2: `text` must be a string, found the number 3" + way_out);
  CHECK(message("{\"txt\": \"a\", \"id\": 1}\n") ==
        "line 1: no key `text` (text.field); the keys are: txt, id" + way_out);
  CHECK(message("\n\"a\"\n") ==
        "line 2: expected one JSON object with a `text` a line, found a string" + way_out);
  CHECK(message("{\"text\": \"a\"\n")
            .starts_with("line 1: expected one JSON object with a `text` a line; column"));
}

TEST_CASE("bad records are left out and counted where that is asked for") {
  const testing::TempDir dir;
  const auto path =
      dir.write("a.jsonl",
                "{\"text\": \"one\"}\n{\"text\": null}\n{\"text\": \"half \\ud83d\"}\n"
                "{\"text\": \"two\", \"score\": NaN, \"x\": [-Infinity, \"NaN \\\" NaN\"]}\nnot JSON\n"
                "{\"id\": 3}\n{\"text\": \"\"}\n");
  CorpusOptions options;
  options.on_bad_record = OnBadRecord::kSkip;
  CorpusReader reader({path}, options);
  // NaN beside a text, as Python writes it, is no fault of the text.
  CHECK(documents_of(reader) == Strings{"one", "two"});
  CHECK(reader.counts().bad_records == 4);
  CHECK(reader.counts().empty == 1);
  REQUIRE(reader.left_out().size() == 1);
  CHECK(reader.left_out()[0].starts_with(path.string() +
                                         ": 4 records left out (lines 2, 3, 5, 6; the first: `text` "
                                         "must be a string, found null)"));
  CHECK(testing::error_of([&] { documents_of(path); })
            .ends_with(
                "line 2: `text` must be a string, found null; text.on_bad_record=skip leaves such records "
                "out, counted"));
}

TEST_CASE("what is not UTF-8 is replaced and counted in JSON as in text") {
  const testing::TempDir dir;
  for (const char* name : {"a.txt", "a.jsonl"}) {
    const bool json = std::string(name).ends_with("l");
    const std::string text = json ? "{\"text\": \"one\"}\n{\"text\": \"caf\xe9\"}\n" : "one\n\ncaf\xe9\n";
    const auto path = dir.write(name, text);
    CorpusReader reader({path});
    const Strings texts = documents_of(reader);
    CHECK(texts == Strings{"one", json ? "caf\xEF\xBF\xBD" : "caf\xe9"});
    CHECK(reader.counts().invalid_utf8 == 1);
    CHECK(reader.counts().first_invalid_utf8 == path.string() + ": line " + (json ? "2" : "3"));
  }
}

TEST_CASE("one rule of extensions and fields for all kinds of files") {
  const testing::TempDir dir;
  const std::string json = "{\"id\": 1, \"content\": \"one, two\"}\n";
  CorpusOptions options;
  options.field = "content";
  for (const char* name : {"a.jsonl", "a.ndjson", "A.JSONL", "A.NdJson"}) {
    CorpusReader reader({dir.write(name, json)}, options);
    CHECK(documents_of(reader) == Strings{"one, two"});
  }
  CorpusReader csv({packed(dir.write("a.csv", "id,content\n1,\"one, two\"\n2,\"three\nfour\"\n3,\n"))},
                   options);
  CHECK(documents_of(csv) == Strings{"one, two", "three\nfour"});
  CHECK(csv.counts().empty == 1);
  CorpusReader tsv({dir.write("a.TSV", "content\tid\none, \"two\"\t1\n")}, options);
  CHECK(documents_of(tsv) == Strings{"one, \"two\""});
  CHECK(documents_of(dir.write("A.TXT", "one\n\ntwo\n")) == Strings{"one", "two"});
  options.format = TableFormat::kJsonl;
  CorpusReader named({dir.write("a.dat", json)}, options);
  CHECK(documents_of(named) == Strings{"one, two"});
  CHECK(testing::error_of([&] {
          documents_of(dir.write("b.csv", "id,content\n1,x\n"));
        }).find("b.csv: no column `text` (text.field); the columns are: id, content") != std::string::npos);
  CHECK(testing::error_of([&] {
          documents_of(dir.write("c.csv", "id,text\n1,x\n2\n"));
        }).find("line 3: expected 2 columns (id, text), found 1; text.on_bad_record=skip") !=
        std::string::npos);
  CHECK(error_of_patterns({dir.write("a.json", "[]").string()}).find("write one object a line (.jsonl)") !=
        std::string::npos);
}

TEST_CASE("tables with another separator, and without header; text and JSON lines beside them as ever") {
  const testing::TempDir dir;
  CorpusOptions options;
  options.field = "2";
  options.separator = ';';
  options.header = false;
  CorpusReader reader({dir.write("a.csv", "1;\"one; two\"\n2;three\n"), dir.write("b.txt", "four; five\n"),
                       dir.write("c.jsonl", "{\"2\": \"six\"}\n")},
                      options);
  CHECK(documents_of(reader) == Strings{"one; two", "three", "four; five", "six"});
}

TEST_CASE("documents of a file with lone carriage returns, and of UTF-16") {
  const testing::TempDir dir;
  CHECK(documents_of(dir.write("mac.txt", "one\rmore\r\rtwo\r")) == Strings{"one\nmore", "two"});
  CHECK(testing::error_of([&] {
          documents_of(dir.write("u.txt", std::string("\xff\xfeo\0n\0e\0", 8)));
        }).find("u.txt: is UTF-16 text, expected UTF-8; convert it: iconv -f utf-16 -t utf-8") !=
        std::string::npos);
}

TEST_CASE("several files, with positions for progress") {
  const testing::TempDir dir;
  CorpusReader reader({dir.write("a.txt", "one\n\ntwo"), dir.write("b.txt", "three\n")});
  CHECK(reader.total_bytes() == 14);
  Document document;
  REQUIRE(reader.next(document));
  CHECK(document.file == 0);
  CHECK(document.line == 1);
  REQUIRE(reader.next(document));
  CHECK(document.text == "two");
  CHECK(document.line == 3);
  REQUIRE(reader.next(document));
  CHECK(document.text == "three");  // the end of a file ends a document
  CHECK(document.file == 1);
  CHECK_FALSE(reader.next(document));
  CHECK_FALSE(reader.next(document));
  CHECK(reader.position() == 14);
}

TEST_CASE("the rest of a file can be skipped") {
  const testing::TempDir dir;
  CorpusReader reader({dir.write("a.txt", "one\n\ntwo"), dir.write("b.txt", "three\n")});
  Document document;
  REQUIRE(reader.next(document));
  reader.skip_file();
  REQUIRE(reader.next(document));
  CHECK(document.text == "three");
}

TEST_CASE("long documents are cut at line ends, else at blanks, else between characters") {
  const testing::TempDir dir;
  CHECK(documents_of(dir.write("a.txt", "aaaa bbb\ncccc\ndd\neeeeeeeee\n\nf\n"), 10) ==
        Strings{"aaaa bbb", "cccc\ndd", "eeeeeeeee", "f"});
  CHECK(documents_of(dir.write("b.txt", "one two three four"), 10) == Strings{"one two ", "three four"});
  CHECK(documents_of(dir.write("c.txt", "0123456789abcde"), 10) == Strings{"0123456789", "abcde"});
  // Two bytes a character: nine would split the fifth.
  const std::string accents = "\u00E4\u00E4\u00E4\u00E4\u00E4\u00E4";
  CHECK(documents_of(dir.write("d.txt", accents), 9) == Strings{accents.substr(0, 8), accents.substr(8)});
  CHECK(documents_of(dir.write("e.jsonl", "{\"text\": \"aaaa\\nbbbb\\ncccc\"}\n"), 10) ==
        Strings{"aaaa\nbbbb", "cccc"});
}

TEST_CASE("cut documents and their pieces are counted") {
  const testing::TempDir dir;
  CorpusOptions options;
  options.max_document_bytes = 1000;
  std::string text = "short\n\n";
  for (int i = 0; i < 1000; ++i) text += "line " + std::to_string(i) + "\n";
  CorpusReader reader({dir.write("a.txt", text + "\nshort again\n")}, options);
  const Strings texts = documents_of(reader);
  CHECK(reader.counts().cut_documents == 1);
  CHECK(reader.counts().pieces == static_cast<std::int64_t>(texts.size()) - 2);
  std::string joined;
  for (std::size_t i = 1; i + 1 < texts.size(); ++i) {
    CHECK(texts[i].size() <= 1000);
    joined += texts[i] + "\n";
  }
  CHECK("short\n\n" + joined == text);
}

TEST_CASE("invalid UTF-8 is counted and handed on, as are NUL bytes") {
  const testing::TempDir dir;
  const std::string odd("caf\xE9 \0 x", 8);
  CorpusReader reader({dir.write("a.txt", odd + "\n\ncaf\u00E9\n")});
  CHECK(documents_of(reader) == Strings{odd, "caf\u00E9"});
  CHECK(reader.counts().invalid_utf8 == 1);
}

}  // namespace espalier::data
