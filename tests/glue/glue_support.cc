#include "tests/glue/glue_support.h"

#include <fmt/format.h>

#include <fstream>
#include <functional>

#include "espalier/base/log.h"
#include "espalier/base/philox.h"
#include "tests/train/finetune_support.h"

namespace espalier::testing {
namespace {

constexpr int kTrain = 48, kDev = 24, kTest = 10;

// A text of the first or the second half of the alphabet.
std::string letters(const Philox& random, std::uint64_t row, bool second) {
  std::string text;
  for (std::uint64_t i = 0; i < 4; ++i) {
    if (i > 0) text += ' ';
    text += static_cast<char>((second ? 'n' : 'a') + static_cast<char>(random.below(8 * row + i, 13)));
  }
  return text;
}

struct Pair {
  std::string first, second;
  int kind = 0;  // what a model could learn: 0, 1 or 2
};

Pair pair_of(std::uint64_t seed, int row) {
  const Philox random(seed, RandomStream::kTest);
  const auto index = static_cast<std::uint64_t>(row);
  const int kind = row % 3;
  return {letters(random, 2 * index, kind > 0), letters(random, 2 * index + 1, kind > 1), kind};
}

using RowText = std::function<std::string(int row, const Pair& pair)>;

void write(const std::filesystem::path& file, const std::string& header, int rows, std::uint64_t seed,
           const RowText& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file);
  out << header;
  for (int row = 0; row < rows; ++row) out << text(row, pair_of(seed, row)) << "\n";
}

void write_task(const std::filesystem::path& folder, const std::string& header, const RowText& text) {
  write(folder / "train.tsv", header, kTrain, 1, text);
  write(folder / "dev.tsv", header, kDev, 2, text);
}

void write_tests(const std::filesystem::path& file) {
  write(file, "index\tsentence1\tsentence2\n", kTest, 3,
        [](int row, const Pair& p) { return fmt::format("{}\t{}\t{}", row, p.first, p.second); });
}

void write_mnli(const std::filesystem::path& dir) {
  const std::vector<std::string> words = {"entailment", "neutral", "contradiction"};
  const RowText text = [&](int row, const Pair& p) {
    return fmt::format("{}\t{}\t{}\t{}", row, p.first, p.second, words[static_cast<std::size_t>(p.kind)]);
  };
  const std::string header = "index\tsentence1\tsentence2\tgold_label\n";
  write(dir / "MNLI/train.tsv", header, kTrain, 1, text);
  write(dir / "MNLI/dev_matched.tsv", header, kDev, 2, text);
  write(dir / "MNLI/dev_mismatched.tsv", header, kDev / 2, 4, text);
  for (const char* name :
       {"MNLI/test_matched.tsv", "MNLI/test_mismatched.tsv", "diagnostic/diagnostic.tsv"}) {
    write_tests(dir / name);
  }
}

}  // namespace

void write_tiny_glue(const std::filesystem::path& dir) {
  const std::filesystem::path glue = dir / "glue";
  write_task(glue / "CoLA", "",
             [](int, const Pair& p) { return fmt::format("x\t{}\t\t{}", p.kind > 0 ? 1 : 0, p.first); });
  write(glue / "CoLA/test.tsv", "index\tsentence\n", kTest, 3,
        [](int row, const Pair& p) { return fmt::format("{}\t{}", row, p.first); });
  write_task(glue / "STS-B", "index\tsentence1\tsentence2\tscore\n", [](int row, const Pair& p) {
    return fmt::format("{}\t{}\t{}\t{:.3f}", row, p.first, p.second, 2.5 * p.kind);
  });
  write_task(glue / "RTE", "index\tsentence1\tsentence2\tlabel\n", [](int row, const Pair& p) {
    return fmt::format("{}\t{}\t{}\t{}", row, p.first, p.second,
                       p.kind > 0 ? "entailment" : "not_entailment");
  });
  write_tests(glue / "RTE/test.tsv");
  write_mnli(glue);
}

config::GlueConfig tiny_glue(const std::filesystem::path& dir, const std::string& name,
                             const std::vector<std::string>& overrides) {
  std::vector<std::string> all = {"model=" + (dir / "model.h5").string(),
                                  "run=" + (dir / name).string(),
                                  "glue.dir=" + (dir / "glue").string(),
                                  "glue.tasks=[cola, stsb, rte, mnli]",
                                  "glue.seeds=2",
                                  "head.head_dim=16",
                                  "train.epochs=2",
                                  "train.batch_size=16",
                                  "train.lr=1e-2",
                                  "eval.bootstrap=50"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return config::load<config::GlueConfig>("", all);
}

GlueWorkspace::GlueWorkspace() {
  set_quiet(true);
  write_tiny_model(dir / "model.h5");
  write_tiny_glue(dir.path());
}

io::Json comparable(io::Json results) {
  for (const char* key : {"seconds", "eval_seconds", "tokens_per_second"}) {
    if (results.is_object()) results.erase(key);
  }
  if (results.is_structured()) {
    for (io::Json& inner : results) inner = comparable(std::move(inner));
  }
  return results;
}

}  // namespace espalier::testing
