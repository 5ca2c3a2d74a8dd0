#include "espalier/data/corpus.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "espalier/base/error.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using Texts = std::vector<std::string>;

Texts documents_of(CorpusReader& reader) {
  Texts texts;
  for (Document document; reader.next(document);) texts.push_back(document.text);
  return texts;
}

Texts documents_of(const std::filesystem::path& path, std::size_t limit = 1 << 20) {
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

std::string message_of(const std::vector<std::string>& patterns) {
  return testing::error_of([&] { expand_globs(patterns); });
}

}  // namespace

TEST_CASE("patterns give sorted files, each once, in the order of the patterns") {
  const testing::TempDir dir;
  for (const char* name : {"b.txt", "a.txt", "c.jsonl", "z/d.txt.gz", "we[i]rd.txt"}) dir.write(name, "x\n");
  const std::string root = dir.path().string() + "/";
  const auto names = [&](const std::vector<std::string>& patterns) {
    Texts result;
    for (const auto& path : expand_globs(patterns)) result.push_back(path.string().substr(root.size()));
    return result;
  };
  CHECK(names({root + "?.txt"}) == Texts{"a.txt", "b.txt"});
  CHECK(names({root + "c.*", root + "*.txt", root + "a.txt", root + "./b.txt"}) ==
        Texts{"c.jsonl", "a.txt", "b.txt", "we[i]rd.txt"});
  CHECK(names({root + "*/*"}) == Texts{"z/d.txt.gz"});
  CHECK(names({root + "we[i]rd.txt"}) == Texts{"we[i]rd.txt"});
}

TEST_CASE("patterns that cannot be used") {
  const testing::TempDir dir;
  const std::string root = dir.path().string();
  dir.write("a.pdf", "x");
  CHECK(message_of({}) == "text.files: no files are named");
  CHECK(message_of({root + "/*.txt"})
            .starts_with("text.files: `" + root + "/*.txt` matches no file (from the"));
  CHECK(message_of({root}) ==
        "text.files: `" + root + "` is a folder; name its files, as `" + root + "/*.txt.gz`");
  CHECK(message_of({root + "/*.pdf"}) ==
        "text.files: expected .txt, .txt.gz, .jsonl or .jsonl.gz, found `" + root + "/a.pdf`");
}

TEST_CASE("text: blank lines between documents, one paragraph a line") {
  const testing::TempDir dir;
  const auto path = dir.write("a.txt", "\n  \nFirst paragraph.\r\nSecond.\r\n \t\r\n\n\nOther document.\n\n");
  CHECK(documents_of(path) == Texts{"First paragraph.\nSecond.", "Other document."});
  CHECK(documents_of(packed(path)) == Texts{"First paragraph.\nSecond.", "Other document."});
  CHECK(documents_of(dir.write("one.txt", "a single line without end")) ==
        Texts{"a single line without end"});
  CHECK(documents_of(dir.write("empty.txt", "")) == Texts{});
  CHECK(documents_of(dir.write("blank.txt", "\n\n \n")) == Texts{});
}

TEST_CASE("JSON lines: the text field, line ends and all") {
  const testing::TempDir dir;
  const auto path = dir.write("a.jsonl",
                              "{\"id\": 1, \"text\": \"one\\n\\ntwo\"}\n\n"
                              "{\"text\": \"  \\n\"}\n{\"text\": \"three\"}\n");
  CorpusReader reader({packed(path)});
  CHECK(documents_of(reader) == Texts{"one\n\ntwo", "three"});
  CHECK(reader.counts().documents == 2);
  CHECK(reader.counts().empty == 1);
  CHECK(reader.counts().bytes == 13);
}

TEST_CASE("bad JSON lines name file, line and what was expected") {
  const testing::TempDir dir;
  const auto message = [&](const std::string& text) {
    const auto path = dir.write("bad.jsonl", text);
    const std::string error = testing::error_of([&] { documents_of(path); });
    CHECK(error.starts_with(path.string() + ": "));
    return error.substr(path.string().size() + 2);
  };
  CHECK(message("{\"text\": \"a\"}\n{\"text\": 3}\n") ==
        "line 2: `text` must be a string, found the number 3");
  CHECK(message("{\"txt\": \"a\"}\n") == "line 1: `text` must be a string, found nothing (no such key)");
  CHECK(message("\n\"a\"\n") == "line 2: expected one JSON object with a `text` a line, found a string");
  CHECK(message("{\"text\": \"a\"\n")
            .starts_with("line 1: expected one JSON object with a `text` a line; column"));
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
        Texts{"aaaa bbb", "cccc\ndd", "eeeeeeeee", "f"});
  CHECK(documents_of(dir.write("b.txt", "one two three four"), 10) == Texts{"one two ", "three four"});
  CHECK(documents_of(dir.write("c.txt", "0123456789abcde"), 10) == Texts{"0123456789", "abcde"});
  // Two bytes a character: nine would split the fifth.
  const std::string accents = "\u00E4\u00E4\u00E4\u00E4\u00E4\u00E4";
  CHECK(documents_of(dir.write("d.txt", accents), 9) == Texts{accents.substr(0, 8), accents.substr(8)});
  CHECK(documents_of(dir.write("e.jsonl", "{\"text\": \"aaaa\\nbbbb\\ncccc\"}\n"), 10) ==
        Texts{"aaaa\nbbbb", "cccc"});
}

TEST_CASE("cut documents and their pieces are counted") {
  const testing::TempDir dir;
  CorpusOptions options;
  options.max_document_bytes = 1000;
  std::string text = "short\n\n";
  for (int i = 0; i < 1000; ++i) text += "line " + std::to_string(i) + "\n";
  CorpusReader reader({dir.write("a.txt", text + "\nshort again\n")}, options);
  const Texts texts = documents_of(reader);
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
  CHECK(documents_of(reader) == Texts{odd, "caf\u00E9"});
  CHECK(reader.counts().invalid_utf8 == 1);
}

}  // namespace espalier::data
