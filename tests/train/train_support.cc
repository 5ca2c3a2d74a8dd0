#include "tests/train/train_support.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/log.h"
#include "espalier/base/philox.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/token_store.h"
#include "espalier/io/tokenizer_json.h"

namespace espalier::testing {

void write_tiny_store(const std::filesystem::path& dir, std::int64_t train, std::int64_t validation) {
  std::filesystem::create_directories(dir);
  io::TokenStoreWriter writer(dir / "tokens.h5", {.vocabulary_size = 40, .sequence_length = 16});
  const Philox random(7, RandomStream::kTest);
  std::uint64_t draw = 0;
  const auto append = [&](io::Split split, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<std::int32_t> tokens;
      std::uint32_t word = random.below(draw++, 33);
      for (int t = 0; t < 16; ++t) {
        tokens.push_back(static_cast<std::int32_t>(7 + word));
        word = random.below(draw++, 10) == 0 ? random.below(draw++, 33) : (word * 5 + 3) % 33;
      }
      writer.append(split, tokens);
    }
  };
  append(io::Split::kTrain, train);
  append(io::Split::kValidation, validation);
  writer.finish(io::tokenizer_json(text::crammed_bert_tokenizer(tiny_vocabulary())), io::Json::object());
}

config::PretrainConfig tiny_pretrain(const std::filesystem::path& dir, std::vector<std::string> overrides) {
  std::vector<std::string> all = {fmt::format("data={}", (dir / "data").string()),
                                  fmt::format("run={}", (dir / "run").string()),
                                  "arch.layers=2",
                                  "arch.hidden_size=16",
                                  "arch.attention.heads=2",
                                  "arch.embedding.vocab_size=0",
                                  "arch.embedding.max_positions=16",
                                  "arch.ffn.depth=3",
                                  "train.budget.steps=20",
                                  "train.batch_size=8",
                                  "train.micro_batch=8",
                                  "train.batch_ramp=0",
                                  "train.lr=5e-3",
                                  "train.shuffle=true",
                                  "log.steps=1",
                                  "eval.steps=10",
                                  "save.minutes=0"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  auto config = config::load<config::PretrainConfig>("", all);
  config.given = config::load<config::PretrainConfig>("", overrides).given;
  return config;
}

PretrainWorkspace::PretrainWorkspace() {
  set_quiet(true);
  write_tiny_store(dir / "data");
}

config::PretrainConfig PretrainWorkspace::config(const std::string& name,
                                                 std::vector<std::string> overrides) const {
  overrides.push_back("run=" + run(name).string());
  return tiny_pretrain(dir.path(), std::move(overrides));
}

std::string weights_of(const std::filesystem::path& checkpoint) {
  return fmt::format("{:016x}", io::weights_checksum(io::load_checkpoint(checkpoint).model));
}

std::string metrics_of(const std::filesystem::path& run) {
  std::string out;
  const std::string text = read_text(run / "metrics.jsonl");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    io::Json line = io::parse_json(text.substr(begin, end - begin), "metrics.jsonl");
    for (const char* key : {"time", "tokens_per_s", "rss"}) line.erase(key);
    out += line.dump() + "\n";
    begin = end + 1;
  }
  return out;
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace espalier::testing
