#include "espalier/config/fields.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <tuple>

#include "config/nearest.h"
#include "tests/support/support.h"

namespace espalier::config {
namespace {

enum class Colour { kRed, kBlue };

struct Sample {
  bool flag = false;
  std::int64_t count = 3;
  std::uint64_t seed = 1;
  double rate = 0.5;
  std::string name = "plain";
  std::vector<std::string> files;
  std::vector<std::int64_t> seeds = {1, 2};
  Colour colour = Colour::kRed;
};

void describe(Sample& sample, Fields& fields) {
  fields.add("flag", sample.flag, "A flag.");
  fields.add("train.count", sample.count, "A count.", at_least(1));
  fields.add("seed", sample.seed, "A seed.");
  fields.add("train.rate", sample.rate, "A rate.", above(0));
  fields.add("text.name", sample.name, "A name.");
  fields.add("text.files", sample.files, "Files.");
  fields.add("seeds", sample.seeds, "Seeds.", at_least(0));
  fields.choice("colour", sample.colour, {{"red", Colour::kRed}, {"blue", Colour::kBlue}}, "A colour.");
}

Sample from(const std::string& yaml) {
  Sample sample;
  Fields fields;
  describe(sample, fields);
  fields.apply(parse_yaml(yaml, "a.yaml"));
  return sample;
}

std::string error_from(const std::string& yaml) {
  return testing::error_of([&] { from(yaml); });
}

}  // namespace

TEST_CASE("every kind of field is read from YAML") {
  const Sample sample = from(
      "flag: true\nseed: 18446744073709551615\ntrain:\n  count: 4e6\n  rate: 1e-3\n"
      "text:\n  name: a b\n  files: [x, 'y z']\nseeds: [7]\ncolour: blue\n");
  CHECK(sample.flag);
  CHECK(sample.count == 4000000);
  CHECK(sample.seed == 18446744073709551615ULL);
  CHECK(sample.rate == 1e-3);
  CHECK(sample.name == "a b");
  CHECK(sample.files == std::vector<std::string>{"x", "y z"});
  CHECK(sample.seeds == std::vector<std::int64_t>{7});
  CHECK(sample.colour == Colour::kBlue);
}

TEST_CASE("a ~ that begins a path is the home folder, in YAML too") {
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  setenv("HOME", "/home/ada", 1);
  const Sample sample = from("text: {name: ~/runs/a, files: [~/x/*.txt, a~/b, \"~\"]}");
  CHECK(sample.name == "/home/ada/runs/a");
  CHECK(sample.files == std::vector<std::string>{"/home/ada/x/*.txt", "a~/b", "~"});
  CHECK(testing::error_of([] { from("text: {name: ~bob/runs}"); }) ==
        "a.yaml:1: text.name: `~bob/runs`: only ~/ (your own home folder) is understood; write the path out");
  unsetenv("HOME");
  CHECK(testing::error_of([] { from("text: {name: ~/runs}"); }) ==
        "a.yaml:1: text.name: `~/runs`: HOME is not set; write the path out");
  if (home != nullptr) setenv("HOME", before.c_str(), 1);
}

TEST_CASE("what is dumped reads back to the same values") {
  Sample sample = from("flag: true\ntrain: {rate: 0.1}\ntext: {name: 'x: y', files: [a, 'b, c']}\n");
  const std::string text = dump(sample);
  const Sample again = from(text);
  CHECK(again.rate == sample.rate);
  CHECK(again.name == sample.name);
  CHECK(again.files == sample.files);
  CHECK(dump(again) == text);
}

TEST_CASE("override wins over file, file over default") {
  const testing::TempDir dir;
  const auto path = dir.write("c.yaml", "train:\n  count: 5\n  rate: 0.25\n");
  const std::vector<std::string> overrides = {"train.rate=2", "text.files=[p, q]"};
  const Sample sample = load<Sample>(path, overrides);
  CHECK(sample.count == 5);
  CHECK(sample.rate == 2.0);
  CHECK(sample.name == "plain");
  CHECK(sample.files.size() == 2);
}

TEST_CASE("a variant overrides its base, wherever the base lies") {
  const testing::TempDir dir;
  dir.write("base.yaml", "train:\n  count: 5\n  rate: 0.25\n");
  const auto path = dir.write("variants/v.yaml", "base: ../base.yaml\ntrain: {count: 6}\n");
  const Sample sample = load<Sample>(path, {});
  CHECK(sample.count == 6);
  CHECK(sample.rate == 0.25);
  const auto loop = dir.write("loop.yaml", "base: loop.yaml\n");
  CHECK(testing::error_of([&] { read_yaml(loop); }).find("is one its own base?") != std::string::npos);
}

// Of a key that excludes another, the choice of the highest layer counts: command line, file, base.
TEST_CASE("a choice among keys that exclude each other replaces that of a lower layer") {
  struct Budget {
    std::int64_t tokens = 0, steps = 0;
    double minutes = 0;
  };
  const testing::TempDir dir;
  dir.write("base.yaml", "budget:\n  tokens: 5\n");
  const auto own = dir.write("own.yaml", "base: base.yaml\nbudget: {steps: 6}\n");
  const auto both = dir.write("both.yaml", "budget: {tokens: 7, steps: 8}\n");
  const auto none = dir.write("none.yaml", "base: base.yaml\nbudget: {steps: 0}\n");
  const auto loaded = [&](const std::filesystem::path& path, const std::vector<std::string>& overrides) {
    Budget budget;
    Fields fields;
    fields.add("budget.tokens", budget.tokens, "");
    fields.add("budget.steps", budget.steps, "");
    fields.add("budget.minutes", budget.minutes, "");
    fields.one_of({"budget.tokens", "budget.steps", "budget.minutes"});
    fields.apply(read_yaml(path));
    std::vector<Setting> settings;
    for (const std::string& argument : overrides) settings.push_back(parse_override(argument));
    fields.apply(settings);
    return std::tuple(budget.tokens, budget.steps, budget.minutes);
  };
  CHECK(loaded(dir / "base.yaml", {}) == std::tuple(5, 0, 0));
  CHECK(loaded(own, {}) == std::tuple(0, 6, 0));
  CHECK(loaded(own, {"budget.tokens=9"}) == std::tuple(9, 0, 0));
  CHECK(loaded(own, {"budget.minutes=2.5"}) == std::tuple(0, 0, 2.5));
  CHECK(loaded(both, {}) == std::tuple(7, 8, 0));
  CHECK(loaded(both, {"budget.minutes=1"}) == std::tuple(0, 0, 1));
  CHECK(loaded(own, {"budget.minutes=1", "budget.tokens=2"}) == std::tuple(2, 0, 1));
  // The default is no choice, and what it sets to the default stays there.
  CHECK(loaded(none, {}) == std::tuple(5, 0, 0));
  CHECK(loaded(own, {"budget.minutes=0"}) == std::tuple(0, 6, 0));
  CHECK(loaded(own, {"budget.steps=0"}) == std::tuple(0, 0, 0));
  CHECK(loaded(own, {"budget.tokens=3", "budget.steps=0"}) == std::tuple(3, 0, 0));
}

TEST_CASE("a configuration file that is not there: the nearest is named") {
  const testing::TempDir dir;
  dir.write("pretrain/quickstart.yaml", "a: 1\n");
  dir.write("pretrain/research-anneal.yaml", "a: 1\n");
  dir.write("data/quickstart.yaml", "a: 1\n");
  dir.write("data/notes.txt", "");
  const auto path = dir.write("derived.yaml", "# mine\nbase: pretrain/quikstart.yaml\n");
  const auto message_for = [&](const std::string& file) {
    return testing::error_of([&] { read_yaml(dir / file); });
  };
  const auto expected = [&](const std::string& file, const std::string& nearest) {
    return (dir / file).string() + ": cannot read this configuration file: there is none; the nearest is " +
           (dir / nearest).string();
  };
  CHECK(message_for("pretrain/quikstart.yaml") ==
        expected("pretrain/quikstart.yaml", "pretrain/quickstart.yaml"));
  CHECK(message_for("pretrain/research-aneal") ==
        expected("pretrain/research-aneal", "pretrain/research-anneal.yaml"));
  CHECK(message_for("data/quickstart.yml") == expected("data/quickstart.yml", "data/quickstart.yaml"));
  // A folder that does not exist: the folders beside it.
  CHECK(message_for("pretran/quickstart.yaml") ==
        expected("pretran/quickstart.yaml", "pretrain/quickstart.yaml"));
  CHECK(message_for("dat/quickstart.yaml") == expected("dat/quickstart.yaml", "data/quickstart.yaml"));
  CHECK(message_for("derived.yaml") ==
        path.string() + ":2: base: " + expected("pretrain/quikstart.yaml", "pretrain/quickstart.yaml"));
  CHECK(message_for("pretrain").find("it is a folder; name a file in it") != std::string::npos);
  // From the folder of the program, whatever stands before the name.
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(testing::source_folder());
  const std::string found = testing::error_of([] { read_yaml("configs/pretrain/sst2.yaml"); });
  std::filesystem::current_path(before);
  CHECK(found.find("the nearest is configs/finetune/sst2.yaml") != std::string::npos);
}

TEST_CASE("the key that was meant: of the same last part, of another library's name, or spelt nearly so") {
  const std::vector<std::string> keys = {"train.lr", "train.mask_rate", "arch.ffn.depth", "run", "model"};
  CHECK(nearest_key("learning_rate", keys) == "train.lr");
  CHECK(nearest_key("train.learning_rate", keys) == "train.lr");
  CHECK(nearest_key("depth", keys) == "arch.ffn.depth");
  CHECK(nearest_key("output_dir", keys) == "run");
  CHECK(nearest_key("init", keys) == "model");
  CHECK(nearest_key("train.lrr", keys) == "train.lr");
  CHECK(nearest_key("arch.layers", keys).empty());
  CHECK(nearest_key("evla.steps", {"train.budget.steps", "eval.steps", "log.steps"}) == "eval.steps");
}

TEST_CASE("errors say where, which key, what was expected and what was found") {
  CHECK(error_from("train:\n  coutn: 3\n") ==
        "a.yaml:2: unknown key `train.coutn`; the nearest is `train.count` (--help lists all)");
  CHECK(error_from("train:\n  count: 0\n") ==
        "a.yaml:2: train.count must be a whole number at least 1, got `0`");
  CHECK(error_from("train:\n  count: 1.5\n") ==
        "a.yaml:2: train.count must be a whole number at least 1, got `1.5`");
  CHECK(error_from("train:\n  rate: -1\n") == "a.yaml:2: train.rate must be a number above 0, got `-1`");
  CHECK(error_from("train:\n  rate: nan\n") == "a.yaml:2: train.rate must be a number above 0, got `nan`");
  CHECK(error_from("flag: yes\n") == "a.yaml:1: flag must be true or false, got `yes`");
  CHECK(error_from("colour: green\n") == "a.yaml:1: colour must be one of red, blue, got `green`");
  CHECK(error_from("flag: [true]\n") == "a.yaml:1: flag must be true or false, got the list [true]");
  CHECK(error_from("seed: -3\n") == "a.yaml:1: seed must be a whole number at least 0, got `-3`");
  CHECK(error_from("flag:\n") == "a.yaml:1: flag has no value; write one or delete the line");
  CHECK(error_from("flag: true\nflag: false\n").find("a.yaml:2") == 0);
  CHECK(error_from("a: [1\n").find("a.yaml:") == 0);
  CHECK(error_from("- 1\n") == "a.yaml: must be `key: value` lines");
  CHECK(testing::error_of([] { parse_override("text.files=[a]: b"); }) ==
        "command line: text.files: expected a list like [a, b], got `[a]: b`");
  CHECK(testing::error_of([] { parse_override("novalue"); }) ==
        "command line: expected KEY=VALUE, got `novalue`");
  CHECK(testing::error_of([] { read_yaml("/nonexistent/x.yaml"); }).find("cannot read") != std::string::npos);
}

TEST_CASE("help lists every key with type, default and meaning") {
  Sample sample;
  Fields fields;
  describe(sample, fields);
  const std::string help = fields.help();
  CHECK(help.find("train.count\n      A count.\n      a whole number at least 1; default: 3") !=
        std::string::npos);
  CHECK(help.find("one of red, blue; default: red") != std::string::npos);
}

TEST_CASE("a key is told with its type and its choices, and none of it is read out of the help") {
  Sample sample;
  Fields fields;
  fields.add("flag", sample.flag, "One. one of none; default: no");
  fields.choice("colour", sample.colour, {{"red", Colour::kRed}, {"blue", Colour::kBlue}}, "A colour.");
  fields.add("text.files", sample.files, "Files.");
  const std::vector<KeyDescription> keys = fields.keys();
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].help == "One. one of none; default: no");
  CHECK(keys[0].choices == std::vector<std::string>{"true", "false"});
  CHECK(keys[1].name == "colour");
  CHECK(keys[1].type == "one of red, blue; default: red");
  CHECK(keys[1].choices == std::vector<std::string>{"red", "blue"});
  CHECK(keys[2].type == "a list of texts; default: []");
  CHECK(keys[2].choices.empty());
}

TEST_CASE("a resolved setting knows its kind, whatever its text looks like") {
  Sample sample;
  sample.name = "12";
  Fields fields;
  describe(sample, fields);
  std::map<std::string, Kind> kinds;
  for (const Setting& setting : fields.settings()) kinds[setting.key] = setting.kind;
  CHECK(kinds == std::map<std::string, Kind>{{"flag", Kind::kTruth},
                                             {"train.count", Kind::kNumber},
                                             {"seed", Kind::kNumber},
                                             {"train.rate", Kind::kNumber},
                                             {"text.name", Kind::kText},
                                             {"text.files", Kind::kText},
                                             {"seeds", Kind::kNumber},
                                             {"colour", Kind::kText}});
}

}  // namespace espalier::config
