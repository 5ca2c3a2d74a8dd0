// Wrong usage and wrong input: the exit status, and a message that names what was wrong.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/glue_support.h"
#include "tests/cli/training_support.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

TEST_CASE("help and version") {
  const std::string version = run_well({"--version"}).out;
  CHECK(version.starts_with("espalier 0.1.0 (with"));  // MPI, or without
  CHECK(version.ends_with(")\n"));
  const std::string help = run_well({"--help"}).out;
  for (const char* verb : {"prepare", "pretrain", "finetune", "glue", "evaluate", "fill-mask", "classify",
                           "embed", "tokenize", "export", "import", "inspect", "report", "trees", "bench"}) {
    INFO(verb);
    CHECK(help.find(verb) != std::string::npos);
    CHECK(run_well({verb, "--help"}).out.find(verb) != std::string::npos);
  }
}

TEST_CASE("wrong flags and missing arguments") {
  check_refused({}, "subcommand is required");
  check_refused({"fill-mask"}, "MODEL is required");
  check_refused({"fill-mask", "x", "--tip", "5"}, "--tip");
  check_refused({"fill-mask", "x", "text", "--top", "0"}, "--top");
  check_refused({"classify", "x", "--routing", "medium"}, "--routing");
  check_refused({"embed", "x", "text", "--file", "f.txt"}, "excludes");
  check_refused({"export", "x", "y", "--dtype", "int4"}, "--dtype: int4 not in {float32,float16,bf16,int8}");
  check_refused({"grow"}, "there is no verb `grow`; espalier --help lists them");
  const std::string misspelt = "there is no verb `preprain`, the nearest is `pretrain`";
  check_refused({"preprain", "x"}, misspelt);
  check_refused({"--threads", "1", "preprain", "x"}, misspelt);
  check_refused({"--threads=1", "--quiet", "preprain", "x"}, misspelt);
  check_refused({"pretrain", "data=x"}, "pretrain: expected CONFIG, a YAML file, before `data=x`");
  check_refused({"pretrain", "", "data=x"}, "pretrain: expected CONFIG, a YAML file, found an empty word");
}

TEST_CASE("numbers out of range") {
  for (const char* wrong : {"0", "-3", "many", "7x", "nan", "inf", "1e999"}) {
    check_refused({"bench", "fff", std::string("--tokens=") + wrong},
                  std::string("--tokens: expected a number above 0, found ") + wrong + "\n");
  }
  check_refused({"bench", "fff", "--tokens", "9300000000000000000"},
                "--tokens: expected a number above 0 and below 2^63, found 9300000000000000000\n");
  check_refused({"bench", "fff", "--tokens", "5,0"}, "--tokens: expected a number above 0, found 0\n");
  check_refused({"evaluate", "x", "--data", "y", "--tau", "0"},
                "--tau: expected a number above 0, found 0\n");
  check_refused({"embed", "x", "text", "--tau=-0.5"}, "--tau: expected a number above 0, found -0.5\n");
  check_refused({"bench", "fff", "--depth=-1"}, "--depth: expected a number 0 or above, found -1\n");
}

TEST_CASE("an empty value is a value, and no path") {
  const TempDir dir;
  small_masked_lm().write(dir / "hf");
  const std::string model = (dir / "hf").string();
  CHECK(run_well({"embed", model, "--prompt=", "the tree"}).out ==
        run_well({"embed", model, "--prompt", "", "the tree"}).out);
  CHECK(run_well({"embed", model, "--json=true", "the tree"}).out ==
        run_well({"embed", model, "--json", "the tree"}).out);
  check_refused({"embed", model, "--file="}, "--file: expected a path, found an empty text");
  check_refused({"evaluate", model, "--data=", "x"}, "--data: expected a path, found an empty text");
  check_refused({"classify", model, "--file", "f.tsv", "--output="}, "--output: expected a path");
}

TEST_CASE("paths that are not there") {
  for (const char* verb : {"fill-mask", "classify", "embed", "tokenize"}) {
    check_refused({verb, "/no/such/model", "text"}, "/no/such/model: no such file or folder");
  }
  check_refused({"export", "/no/such/model", "/no/out"}, "/no/such/model: no such file or folder");
  check_refused({"import", "/no/such/model", "/no/out.h5"}, "/no/such/model: not a folder");
  check_refused({"inspect", "/no/such/file"}, "/no/such/file: no such file or folder");
}

// Every verb that reads the weights of a model.
std::vector<Arguments> readers_of(const std::string& model, const std::string& sound,
                                  const GlueWorkshop& glue) {
  const Workshop& shop = workshop();
  const std::string out = shop.path("of-damaged");
  return {{"fill-mask", model, "<mask>"},
          {"classify", model, "text"},
          {"embed", model, "text"},
          {"evaluate", model, "--data", shop.data},
          {"trees", model, "--data", shop.data},
          {"trees", sound, "--data", shop.data, "--compare", model},
          {"export", model, out},
          {"inspect", model},
          {"inspect", model, "--verify"},
          shop.pretrain("of-damaged", {"arch.hidden_size=64", "init=" + model}),
          {"finetune", shop.finetune_config, "model=" + model, "run=" + out, "task.train=" + shop.train,
           "task.dev=" + shop.dev},
          {"glue", glue.config, "model=" + model, "run=" + out, "glue.dir=" + (glue.dir / "glue").string()}};
}

TEST_CASE("a truncated or damaged checkpoint is refused by every verb that reads one") {
  const Workshop& shop = workshop();
  const GlueWorkshop glue;
  // Wide enough that weights lie in the middle of the file.
  run_well(shop.pretrain("sound", {"arch.hidden_size=64", "train.max_steps=1"}));
  const TempDir dir;
  const std::string folder = (dir / "hf").string(), file = (dir / "model.h5").string();
  run_well({"export", shop.path("sound"), folder});
  check_refused({"import", folder, (dir / "model.txt").string()},
                "model.txt: a checkpoint is written as .h5");
  run_well({"import", folder, file});
  const std::string whole = read_text(file);
  const std::string cut = dir.write("cut.h5", whole.substr(0, whole.size() - 100)).string();
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 4);
  const std::string damaged = dir.write("damaged.h5", flipped).string();
  for (const Arguments& arguments : readers_of(cut, file, glue))
    check_refused(arguments, "cut.h5: truncated:");
  for (const Arguments& arguments : readers_of(damaged, file, glue))
    check_refused(arguments, "damaged.h5: damaged: dataset model/");
  // Two take the tokenizer alone, and read no weights.
  check_refused({"tokenize", cut, "text"}, "cut.h5: truncated:");
  check_refused({"prepare", shop.path("prepare.yaml"), "text.files=[" + shop.path("text.txt") + "]",
                 "out=" + shop.path("of-damaged"), "tokenizer.path=" + cut},
                "cut.h5: truncated:");
  CHECK_FALSE(std::filesystem::exists(shop.path("of-damaged")));
  check_refused({"embed", dir.write("plain.h5", "no HDF5 here").string(), "text"}, "plain.h5");
}

TEST_CASE("the wrong kind of model, and texts that cannot be used") {
  const TempDir dir;
  small_masked_lm().write(dir / "lm");
  small_classifier(2).write(dir / "classifier");
  const std::string lm = (dir / "lm").string();
  const std::string classifier = (dir / "classifier").string();
  check_refused({"classify", lm, "a tree"}, "is a masked LM, which has no classification head");
  check_refused({"fill-mask", classifier, "<mask>"}, "is a classifier, which has no masked-LM head");
  check_refused({"fill-mask", lm}, "no text: give TEXT arguments or --file");
  check_refused({"fill-mask", lm, "nothing missing"}, "no <mask> to fill in the text \"nothing missing\"");
  check_refused({"fill-mask", lm, "<mask>", "--routing", "soft"}, "was not trained softly");
  check_refused({"fill-mask", lm, "<mask>", "--tau", "0.5"}, "give --routing soft too");
  check_refused({"embed", lm, "a", "--output", "vectors.txt"}, "vectors are written as .jsonl or .h5");
  check_refused({"classify", classifier, "a", "--output", "o.tsv"}, "--output goes with --file");
  check_refused({"classify", classifier, "a", "b", "--pair", "c"}, "--pair is the second part of one TEXT");
  const std::string table = dir.write("in.tsv", "title\tscore\na tree\t1\n").string();
  check_refused({"classify", classifier, "--file", table},
                "no column `sentence` (--text-column); the columns are: "
                "title, score");
  for (const char* name : {"o.txt", "o.tsv.zst", "o.parquet", "o"}) {
    const std::string output = (dir / name).string();
    check_refused({"classify", classifier, "--file", table, "--text-column", "title", "--output", output},
                  "--output: " + output + ": a table of predictions is written as .tsv, .csv or .jsonl");
  }
  check_refused({"classify", classifier, "--file", (dir / "in.xls").string()}, "in.xls");
}

}  // namespace
}  // namespace espalier::testing
