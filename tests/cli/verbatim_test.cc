// Texts and paths reach the program byte for byte, whatever the option parser would make of them.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/cli_support.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

// What a shell hands over, one argument each.
const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = {"[a, b]", "[CLS] a tree [SEP]",
                                               "[]",     "[[a]]",
                                               "[a",     "a]",
                                               "{}",     "{a}",
                                               "%%",     "%d %s",
                                               "++",     "",
                                               " ",      "a,b;c",
                                               "\"a\"",  "'a'",
                                               "\\",     "\x1e[a]",
                                               "\x1e",   "-",
                                               "a = b",  "glue",
                                               "a\tb\n"};
  return all;
}

struct Model {
  TempDir dir;
  std::string path = (dir / "lm").string();
  Model() { small_masked_lm().write(path); }
};

TEST_CASE("verbatim: every verb's TEXT") {
  const Model model;
  std::vector<std::string> arguments = {"embed", model.path, "--json"};
  arguments.insert(arguments.end(), texts().begin(), texts().end());
  const io::Json rows = run_well(arguments).json();
  REQUIRE(rows.size() == texts().size());
  for (std::size_t i = 0; i < texts().size(); ++i) CHECK(rows[i]["text"].get<std::string>() == texts()[i]);
  // Behind -- a text may look like an option, and be --.
  const std::vector<std::string> dashes = {"-5 degrees", "--top", "-", "--", "-h", "[-x]"};
  arguments = {"embed", "--json", model.path, "--"};
  arguments.insert(arguments.end(), dashes.begin(), dashes.end());
  const io::Json behind = run_well(arguments).json();
  REQUIRE(behind.size() == dashes.size());
  for (std::size_t i = 0; i < dashes.size(); ++i) CHECK(behind[i]["text"].get<std::string>() == dashes[i]);
}

TEST_CASE("verbatim: a text in brackets has the ids of its letters, from the command line and a file") {
  const Model model;
  const std::string file = model.dir.write("in.txt", "[the tree, a map]\n").string();
  const std::string from_file = run_well({"tokenize", model.path, "--file", file}).out;
  CHECK(run_well({"tokenize", model.path, "[the tree, a map]"}).out == from_file);
  const std::string filled = run_well({"fill-mask", model.path, "[a, <mask>]", "--top", "1"}).out;
  CHECK(filled.starts_with("[a, <mask>]\n"));
}

TEST_CASE("verbatim: paths and options that take text") {
  const Model model;
  for (const char* name : {"[x]", "{}", "a,b", "a b", "a=b", "it's"}) {
    CAPTURE(name);
    const std::string folder = (model.dir / name).string();
    std::filesystem::copy(model.path, folder);
    const std::string file = model.dir.write(std::string(name) + "/[in].txt", "the tree\n").string();
    const std::string output = folder + "/[out].jsonl";
    run_well({"embed", folder, "--file", file, "--output", output});
    CHECK(std::filesystem::exists(output));
  }
  const std::string classifier = (model.dir / "classifier").string();
  small_classifier(3).write(classifier);
  const io::Json row = run_well({"classify", classifier, "[a]", "--pair", "[b, c]", "--json"}).json();
  CHECK(row[0]["text"] == "[a]");
  CHECK(row[0]["pair"] == "[b, c]");
}

TEST_CASE("verbatim: values of overrides stay YAML") {
  const TempDir dir;
  const std::string config = dir.write("c.yaml", "out: o\n").string();
  const std::string dump =
      run_well({"prepare", config, "--dump-config", "text.files=[a.txt, \"b, c.txt\"]", "out={}x"}).out;
  CHECK(dump.find("a.txt") != std::string::npos);
  CHECK(dump.find("b, c.txt") != std::string::npos);
}

}  // namespace
}  // namespace espalier::testing
