#include "tests/cli/training_support.h"

#include <sstream>

#include "espalier/base/philox.h"

namespace espalier::testing {

namespace {

const char* const kWords[] = {"the", "old",   "tree", "grows", "by",    "a",    "wall",  "and",
                              "its", "fruit", "is",   "sweet", "while", "rain", "falls", "on"};

std::string sentence(const Philox& random, std::uint64_t& draw, int words) {
  std::string text;
  for (int i = 0; i < words; ++i) text += std::string(kWords[random.below(draw++, 16)]) + " ";
  return text + ".";
}

std::string documents(int count) {
  const Philox random(5, RandomStream::kTest);
  std::uint64_t draw = 0;
  std::string text;
  for (int i = 0; i < count; ++i)
    text += sentence(random, draw, 40) + "\n" + sentence(random, draw, 30) + "\n\n";
  return text;
}

// Positive where the fruit is sweet, negative where rain falls.
std::string labelled(int rows, std::uint64_t seed) {
  const Philox random(seed, RandomStream::kTest);
  std::uint64_t draw = 0;
  std::string text = "sentence\tlabel\n";
  for (int i = 0; i < rows; ++i) {
    const bool sweet = random.below(draw++, 2) == 0;
    text += std::string(sweet ? "sweet " : "rain ") + sentence(random, draw, 5) + "\t" +
            (sweet ? "positive" : "negative") + "\n";
  }
  return text;
}

const char kPretrain[] =
    "arch:\n"
    "  layers: 1\n"
    "  hidden_size: 16\n"
    "  embedding: {vocab_size: 0, max_positions: 16, positions: learned}\n"
    "  attention: {heads: 2}\n"
    "  ffn: {depth: 2}\n"
    "train: {budget: {steps: 20}, batch_size: 4, micro_batch: 4, batch_ramp: 0, lr: 1e-2, shuffle: true}\n"
    "log: {steps: 1}\n"
    "eval: {steps: 10, sequences: 8}\n"
    "save: {minutes: 0}\n";

const char kFinetune[] =
    "head: {head_dim: 8}\n"
    "train: {epochs: 2, batch_size: 16, lr: 1e-2}\n"
    "log: {steps: 1}\n";

}  // namespace

Workshop::Workshop() {
  dir.write("text.txt", documents(60));
  dir.write("train.tsv", labelled(64, 1));
  dir.write("dev.tsv", labelled(20, 2));
  dir.write("pretrain.yaml", kPretrain);
  dir.write("finetune.yaml", kFinetune);
  dir.write("prepare.yaml",
            "tokenizer: {vocab_size: 80}\nsequence_length: 16\nvalidation_fraction: 0.2\norder: stored\n");
  run_well({"prepare", path("prepare.yaml"), "text.files=[" + path("text.txt") + "]", "out=" + data});
}

Arguments Workshop::pretrain(const std::string& name, const Arguments& overrides) const {
  Arguments all = {"pretrain", pretrain_config, "data=" + data, "run=" + path(name)};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return all;
}

Arguments Workshop::finetune(const std::string& model, const std::string& name,
                             const Arguments& overrides) const {
  Arguments all = {"finetune",          finetune_config,       "model=" + path(model),
                   "run=" + path(name), "task.train=" + train, "task.dev=" + dev};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return all;
}

const Workshop& workshop() {
  static const Workshop made;
  return made;
}

std::string weights_checksum_of(const std::string& model) {
  return run_well({"inspect", model, "--json"}).json().at("weights_checksum").get<std::string>();
}

std::string steady_metrics(const std::string& run) {
  std::istringstream lines(read_text(run + "/metrics.jsonl"));
  std::string steady;
  for (std::string line; std::getline(lines, line);) {
    io::Json json = io::parse_json(line, run);
    for (const char* key : {"time", "tokens_per_s", "rss"}) json.erase(key);
    steady += io::json_text(json, -1) + "\n";
  }
  return steady;
}

}  // namespace espalier::testing
