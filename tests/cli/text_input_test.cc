// Files of texts as verbs read them: standard input, formats that are named, lines that cannot be used.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/cli_support.h"
#include "tests/cli/model_support.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

// `espalier ARGUMENTS < input`.
Outcome run_with_input(const TempDir& dir, const std::string& input, const std::string& arguments) {
  const auto file = dir.write("stdin", input);
  const std::filesystem::path out = dir / "stdout", err = dir / "stderr";
  const std::string command = std::string("'") + program_path() + "' " + arguments + " < '" + file.string() +
                              "' > '" + out.string() + "' 2> '" + err.string() + "'";
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), read_text(out), read_text(err)};
}

TEST_CASE("standard input: every verb that reads texts takes -") {
  const Models models;
  const std::string texts = "the tree\na map\n";
  const std::string file = models.dir.write("in.txt", texts).string();
  for (const std::string& verb : {std::string("tokenize ") + models.lm, std::string("embed ") + models.lm,
                                  std::string("classify ") + models.classifier}) {
    CAPTURE(verb);
    const Outcome from_input = run_with_input(models.dir, texts, verb + " --file -");
    CHECK(from_input.status == 0);
    const Outcome from_file = run_with_input(models.dir, "", verb + " --file " + file);
    CHECK(from_input.out == from_file.out);
    CHECK(contains(from_input.out, "\n"));
  }
  const Outcome filled =
      run_with_input(models.dir, "a <mask>\n", "fill-mask " + models.lm + " --file - --top 1");
  CHECK(filled.out.starts_with("a <mask>\n"));
}

TEST_CASE("standard input: its format is named, and its lines too") {
  const Models models;
  const std::string json = "{\"text\": \"the tree\"}\n{\"text\": 3}\n";
  const Outcome outcome =
      run_with_input(models.dir, json, "tokenize " + models.lm + " --file - --format jsonl");
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.out, "\n"));
  CHECK(contains(outcome.err, "standard input: line 2: `text` must be a string"));
  const Outcome table = run_with_input(models.dir, "id,sentence\n1,\"the tree, a map\"\n",
                                       "classify " + models.classifier + " --file - --format csv --json");
  REQUIRE(table.status == 0);
  CHECK(table.json()[0]["text"] == "the tree, a map");
  const std::string vectors = (models.dir / "v.h5").string();
  const Outcome embedded =
      run_with_input(models.dir, "the tree\na map\n", "embed " + models.lm + " --file - --output " + vectors);
  CHECK(embedded.status == 0);
  CHECK(contains(embedded.out, ": 2 vectors of"));
}

TEST_CASE("bytes that are not UTF-8 are warned of wherever texts are read") {
  const Models models;
  const std::string latin1 = "the tree\ncaf\xe9\n";
  for (const std::string& verb : {std::string("tokenize ") + models.lm, std::string("embed ") + models.lm,
                                  std::string("classify ") + models.classifier}) {
    CAPTURE(verb);
    const Outcome outcome = run_with_input(models.dir, latin1, verb + " --file -");
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.err, "standard input: 1 of 2 rows (line 2 first) hold bytes that are not UTF-8"));
  }
  const Outcome json = run_with_input(models.dir, "{\"text\": \"caf\xe9\"}\n",
                                      "tokenize " + models.lm + " --file - --format jsonl");
  CHECK(json.status == 0);
  CHECK(contains(json.err, "standard input: 1 of 1 rows (line 1 first) hold bytes that are not UTF-8"));
  const Outcome utf16 =
      run_with_input(models.dir, std::string("\xff\xfet\0h\0e\0", 8), "tokenize " + models.lm + " --file -");
  CHECK(utf16.status == 2);
  CHECK(contains(utf16.err, "standard input: is UTF-16 text, expected UTF-8"));
}

TEST_CASE("fill-mask: a line that cannot be filled is named, and those before it are answered") {
  const Models models;
  std::string longer = "the <mask>";
  for (int i = 0; i < 200; ++i) longer += " tree";
  const std::string file =
      models.dir.write("in.txt", "a <mask>\nno gap here\nthe <mask>\n" + longer + "\na <mask> tree\n")
          .string();
  const Outcome stopped = run_espalier({"fill-mask", models.lm, "--file", file, "--top", "1"});
  CHECK(stopped.status == 2);
  CHECK(stopped.out.starts_with("a <mask>\n"));
  CHECK(contains(stopped.err,
                 "in.txt: line 2: no <mask> to fill in the text \"no gap here\"; --on-bad-record skip"));
  const Outcome skipped = run_espalier(
      {"fill-mask", models.lm, "--file", file, "--top", "1", "--on-bad-record", "skip", "--json"});
  REQUIRE(skipped.status == 0);
  CHECK(skipped.json().size() == 3);
  CHECK(contains(skipped.err, "in.txt: 2 records left out (lines 2, 4; the first: no <mask> to fill"));
  const std::string none = models.dir.write("none.txt", "no gap here\n").string();
  for (const char* json : {"--json", "--quiet"}) {
    check_refused({"fill-mask", models.lm, "--file", none, "--on-bad-record", "skip", json},
                  "none.txt: no row can be used: 1 record left out (line 1; no <mask> to fill");
  }
}

TEST_CASE("rows before a record that stops the reading are answered") {
  const Models models;
  const std::string file =
      models.dir.write("in.jsonl", "{\"text\": \"the tree\"}\n{\"text\": \"a map\"}\nnot JSON\n").string();
  const Outcome outcome = run_espalier({"embed", models.lm, "--file", file});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.out, "the tree"));
  CHECK(contains(outcome.out, "a map"));
  CHECK(contains(outcome.err, "in.jsonl: line 3: expected one JSON object a line"));
  CHECK(contains(outcome.err, "--on-bad-record skip leaves such records out"));
}

}  // namespace
}  // namespace espalier::testing
