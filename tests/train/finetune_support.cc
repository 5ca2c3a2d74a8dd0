#include "tests/train/finetune_support.h"

#include <fmt/format.h>

#include <fstream>

#include "espalier/base/log.h"
#include "espalier/base/philox.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/model/loaded_model.h"
#include "tests/train/train_support.h"

namespace espalier::testing {

void write_tiny_model(const std::filesystem::path& file) {
  nn::EncoderOptions arch;
  arch.layers = 2;
  arch.hidden_size = 16;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 40;
  arch.embedding.max_positions = 16;
  arch.ffn.depth = 3;
  nn::MaskedLm model(arch);
  nn::initialize(model, 0.1, 3);
  const text::TokenizerModel tokenizer = text::crammed_bert_tokenizer(tiny_vocabulary());
  io::save_checkpoint(file, model::model_checkpoint(model, {}, io::tokenizer_json(tokenizer)));
}

void write_letters(const std::filesystem::path& file, int rows, std::uint64_t seed, bool mixed) {
  const Philox random(seed, RandomStream::kTest);
  std::uint64_t draw = 0;
  std::ofstream out(file);
  out << "text\tlabel\tshare\n";
  for (int row = 0; row < rows; ++row) {
    const std::uint32_t second = mixed ? random.below(draw++, 7) : 6 * random.below(draw++, 2);
    std::string text;
    for (std::uint32_t i = 0; i < 6; ++i) {
      text += static_cast<char>((i < second ? 'n' : 'a') + static_cast<char>(random.below(draw++, 13)));
      text += ' ';
    }
    out << fmt::format("{}\t{}\t{:.4f}\n", text, second > 3 ? "second" : "first", second / 6.0);
  }
}

config::FinetuneConfig tiny_finetune(const std::filesystem::path& dir,
                                     const std::vector<std::string>& overrides) {
  std::vector<std::string> all = {"model=" + (dir / "model.h5").string(),
                                  "run=" + (dir / "run").string(),
                                  "task.train=" + (dir / "train.tsv").string(),
                                  "task.dev=" + (dir / "dev.tsv").string(),
                                  "task.text=text",
                                  "head.head_dim=16",
                                  "train.epochs=3",
                                  "train.batch_size=16",
                                  "train.lr=1e-2",
                                  "log.steps=1"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return config::load<config::FinetuneConfig>("", all);
}

FinetuneWorkspace::FinetuneWorkspace() {
  set_quiet(true);
  write_tiny_model(dir / "model.h5");
  write_letters(dir / "train.tsv", 96, 1);
  write_letters(dir / "dev.tsv", 40, 2);
}

config::FinetuneConfig FinetuneWorkspace::config(const std::string& name,
                                                 std::vector<std::string> overrides) const {
  overrides.push_back("run=" + run(name).string());
  return tiny_finetune(dir.path(), overrides);
}

}  // namespace espalier::testing
