// ctest-label: threads
// Training what an ordinary BERT is: post-norm, token types, a pooler that comes along, heads that are not
// there yet.
#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <map>

#include "espalier/base/log.h"
#include "espalier/base/parallel.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/model/exchange.h"
#include "espalier/model/inference.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/finetuner.h"
#include "espalier/train/pretrainer.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"
#include "tests/train/train_support.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;
using testing::error_of;

// Two layers of d 16 that only encode, with a pooler, as BertModel is stored.
void write_tiny_bert(const fs::path& file) {
  nn::EncoderOptions arch = nn::bert_options();
  arch.layers = 2;
  arch.hidden_size = 16;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 40;
  arch.embedding.max_positions = 16;
  arch.ffn.width = 24;
  arch.masked_lm_head = arch.head_transform = arch.decoder_bias = false;
  arch.pooler = true;
  nn::MaskedLm model(arch);
  nn::initialize(model, 0.1, 3);
  for (nn::NamedParameter& parameter : model.parameters()) {
    if (parameter.name.starts_with("pooler."))
      nn::init_normal(parameter.value.mutable_value(), 0.1F, 4, parameter.name);
  }
  const text::TokenizerModel tokenizer = text::crammed_bert_tokenizer(testing::tiny_vocabulary());
  io::save_checkpoint(file, model::model_checkpoint(model, {}, io::tokenizer_json(tokenizer)));
}

// As the import of a sentence-transformers folder whose length tokenizer_config.json alone says.
void add_sentence_files(const fs::path& file) {
  io::Checkpoint checkpoint = io::load_checkpoint(file);
  checkpoint.metadata["sentence_transformers"] =
      io::parse_json(R"({"modules.json": [{"path": "", "type": "models.Transformer"},
                                          {"path": "1_Pooling", "type": "models.Pooling"},
                                          {"path": "2_Normalize", "type": "models.Normalize"}],
                         "1_Pooling/config.json": {"pooling_mode": "max"},
                         "config_sentence_transformers.json": {"prompts": {"query": "a "},
                                                               "default_prompt_name": "query"}})",
                     "sentence files");
  checkpoint.metadata["source"]["tokenizer_config"] = {{"model_max_length", 9}};
  io::save_checkpoint(file, checkpoint);
}

std::map<std::string, std::vector<float>> all_weights_of(const fs::path& checkpoint) {
  std::map<std::string, std::vector<float>> result;
  for (const io::NamedTensor& tensor : io::load_checkpoint(checkpoint).model)
    result[tensor.name] = tensor.value.to_vector();
  return result;
}

std::string arch_key(const fs::path& checkpoint, const char* key) {
  return io::load_checkpoint(checkpoint).metadata["arch"][key].get<std::string>();
}

}  // namespace

TEST_CASE("a head of its shape begins with a BERT's pooler, any other at random") {
  const testing::FinetuneWorkspace work;
  write_tiny_bert(work.dir / "bert.h5");
  const auto before = all_weights_of(work.dir / "bert.h5");
  const auto tuned = [&](const std::string& name, std::vector<std::string> overrides) {
    overrides.insert(overrides.end(),
                     {"model=" + (work.dir / "bert.h5").string(), "train.lr=0", "train.max_steps=1"});
    finetune(work.config(name, overrides));
    return all_weights_of(work.run(name) / "last.h5");
  };
  const auto with = tuned("with", {"head.head_dim=0"});
  CHECK(with.at("pooler.dense.weight") == before.at("pooler.dense.weight"));
  CHECK(with.at("pooler.dense.bias") == before.at("pooler.dense.bias"));
  CHECK(with.at("encoder.layers.1.norm2.weight") == before.at("encoder.layers.1.norm2.weight"));
  for (const char* other : {"head.activation=relu", "head.pooler=avg", "head.head_dim=8"}) {
    INFO(other);
    const auto without = tuned(other, {"head.head_dim=0", other});
    CHECK(without.at("pooler.dense.weight") != before.at("pooler.dense.weight"));
  }
}

TEST_CASE("frozen layers and the embedding below them keep their bits, the others learn") {
  const testing::FinetuneWorkspace work;
  write_tiny_bert(work.dir / "bert.h5");
  const std::string model = "model=" + (work.dir / "bert.h5").string();
  finetune(work.config("a", {model, "train.frozen_layers=1", "train.weight_decay=0.1", "train.max_steps=3"}));
  const auto before = all_weights_of(work.dir / "bert.h5"), after = all_weights_of(work.run("a") / "last.h5");
  for (const auto& [parameter, values] : before) {
    const std::string& name = parameter;
    INFO(name);
    const bool frozen = name.starts_with("encoder.embedding.") || name.starts_with("encoder.layers.0.");
    if (name.starts_with("encoder.")) CHECK((after.at(name) == values) == frozen);
  }
  CHECK(error_of([&] {
          finetune(work.config("b", {model, "train.frozen_layers=3"}));
        }) == "train.frozen_layers: 3 is more than the 2 layers of the model");
}

TEST_CASE(
    "pretraining takes the architecture of init, makes the head that is missing and carries the pooler") {
  const testing::PretrainWorkspace work;
  const fs::path bert = work.dir / "bert.h5";
  write_tiny_bert(bert);
  const auto go = [&](const std::string& run, int steps, const std::string& key = "seed=1") {
    config::PretrainConfig config = work.config(
        run, {"init=" + bert.string(), "arch.layers=2", "train.max_steps=" + std::to_string(steps), key});
    config.arch.ffn.depth = nn::EncoderOptions().ffn.depth;
    return config;
  };
  pretrain(go("whole", 4));
  const fs::path last = work.run("whole") / "last.h5";
  CHECK(arch_key(last, "arch.family") == "bert");
  CHECK(arch_key(last, "arch.norm_placement") == "post");
  CHECK(arch_key(last, "arch.masked_lm_head") == "true");
  const auto before = all_weights_of(bert), after = all_weights_of(last);
  CHECK(after.at("pooler.dense.weight") == before.at("pooler.dense.weight"));
  CHECK(after.at("encoder.layers.0.ffn.dense_in.weight") !=
        before.at("encoder.layers.0.ffn.dense_in.weight"));
  CHECK(after.at("transform.dense.weight").size() == 256);

  // Continued, with other threads, and after the model begun from is gone.
  pretrain(go("parts", 2));
  fs::remove(bert);
  const int threads = thread_count();
  set_thread_count(threads == 1 ? 2 : 1);
  pretrain(go("parts", 4));
  set_thread_count(threads);
  CHECK(testing::weights_of(work.run("parts") / "last.h5") == testing::weights_of(last));
  CHECK(error_of([&] {
          pretrain(go("parts", 5, "arch.norm_placement=pre"));
        }).find("arch.norm_placement: post in the run, pre now") != std::string::npos);
  CHECK(error_of([&] { pretrain(go("new", 1)); }).find("bert.h5: no such file or folder") !=
        std::string::npos);
}

TEST_CASE(
    "keys of arch on the command line are not overruled by init: what its weights cannot follow is refused") {
  const testing::PretrainWorkspace work;
  const std::string bert = (work.dir / "bert.h5").string();
  write_tiny_bert(bert);
  const auto error = [&](const std::string& key) {
    return error_of([&] { pretrain(work.config("a", {"init=" + bert, "train.max_steps=1", key})); });
  };
  // A default of the family, so that it looks as if nobody had asked.
  CHECK(
      error("arch.ffn.type=neuron_tree") ==
      "init: " + bert +
          " has arch.ffn.type dense, the config neuron_tree: its weights would compute something else; give "
          "arch.ffn.type=dense; distill.layers trains new feedforward layers in place of dense ones "
          "(configs/pretrain/distill.yaml)");
  CHECK(error("arch.ffn.depth=7")
            .find("arch.ffn.depth goes with arch.ffn.type: neuron_tree or leaf_tree; "
                  "this run has arch.ffn.type: dense,") != std::string::npos);
  CHECK(error("arch.norm_placement=pre").find("arch.norm_placement post, the config pre") !=
        std::string::npos);
  CHECK(error_of([&] {
          pretrain(work.config("b", {"init=" + bert, "distill.layers=[0]", "arch.norm_placement=pre"}));
        }).find(" has arch.norm_placement post, the config pre: a student differs in arch.ffn alone") !=
        std::string::npos);
}

TEST_CASE("a model that holds NaN is called damaged, by its weight, before anything is trained") {
  const testing::FinetuneWorkspace work;
  const testing::PretrainWorkspace words;
  const std::string bert = (work.dir / "bert.h5").string();
  write_tiny_bert(bert);
  io::Checkpoint checkpoint = io::load_checkpoint(bert);
  for (io::NamedTensor& tensor : checkpoint.model) {
    if (tensor.name == "encoder.layers.1.ffn.dense_in.weight")
      tensor.value.span()[5] = std::numeric_limits<float>::quiet_NaN();
  }
  io::save_checkpoint(bert, checkpoint);
  const std::string message =
      bert +
      ": the weight `encoder.layers.1.ffn.dense_in.weight` holds inf or NaN: the model is damaged, or its "
      "training had diverged when it was saved; get another copy, or an earlier checkpoint";
  CHECK(error_of([&] { finetune(work.config("a", {"model=" + bert})); }) == message);
  CHECK(error_of([&] { pretrain(words.config("a", {"init=" + bert})); }) == message);
  CHECK(error_of([&] { pretrain(words.config("b", {"init=" + bert, "distill.layers=[1]"})); }) == message);
}

// Its encoder has learnt to serve the head: how the other model made vectors says nothing of it.
TEST_CASE("a classifier of a sentence-transformers model is embedded as any: the mean, of full length") {
  const testing::FinetuneWorkspace work;
  const fs::path bert = work.dir / "bert.h5";
  write_tiny_bert(bert);
  add_sentence_files(bert);
  finetune(work.config("a", {"model=" + bert.string(), "train.max_steps=1"}));
  const model::LoadedModel tuned = model::load_model(work.run("a"));
  CHECK_FALSE(tuned.sentence);
  const model::EmbeddingOptions options = model::embedding_options(tuned);
  CHECK(options.pooling == io::SentencePooling::kMean);
  CHECK_FALSE(options.normalize);
  CHECK(options.prompt.empty());
}

TEST_CASE("what is fine-tuned lower-cases as the sentence-transformers model does that it began with") {
  const testing::FinetuneWorkspace work;
  const fs::path bert = work.dir / "bert.h5";
  write_tiny_bert(bert);
  add_sentence_files(bert);
  io::Checkpoint checkpoint = io::load_checkpoint(bert);
  checkpoint.metadata["sentence_transformers"]["sentence_bert_config.json"] = {{"do_lower_case", true}};
  io::Json tokenizer = io::parse_json(checkpoint.tokenizer_json, "tokenizer.json");
  tokenizer["normalizer"] = {{"type", "NFC"}};
  checkpoint.tokenizer_json = io::json_text(tokenizer);
  io::save_checkpoint(bert, checkpoint);
  finetune(work.config("a", {"model=" + bert.string(), "train.max_steps=1"}));
  const model::LoadedModel tuned = model::load_model(work.run("a"));
  const text::Tokenizer cased = io::parse_tokenizer(checkpoint.tokenizer_json, "tokenizer.json");
  REQUIRE(cased.encode("A B C") != cased.encode("a b c"));
  CHECK(tuned.require_tokenizer().encode("A B C") == cased.encode("a b c"));
}

TEST_CASE("pretraining keeps how a sentence-transformers model makes its vectors") {
  const testing::PretrainWorkspace work;
  const fs::path bert = work.dir / "bert.h5", last = work.run("a") / "last.h5";
  write_tiny_bert(bert);
  add_sentence_files(bert);
  const auto go = [&](int steps) {
    pretrain(work.config("a", {"init=" + bert.string(), "train.max_steps=" + std::to_string(steps)}));
  };
  const auto check = [](const fs::path& model) {
    const model::LoadedModel loaded = model::load_model(model);
    REQUIRE(loaded.sentence);
    const model::EmbeddingOptions options = model::embedding_options(loaded);
    CHECK(options.pooling == io::SentencePooling::kMax);
    CHECK(options.normalize);
    CHECK(options.max_length == 9);
    CHECK(options.prompt == "a ");
  };
  go(2);
  check(last);
  // After the model begun from is gone, too.
  fs::remove(bert);
  go(3);
  check(last);
  model::export_model(last, work.dir / "out");
  check(work.dir / "out");
}

TEST_CASE("a model that only encodes fills no masks, and what pretraining cannot train is refused by name") {
  const testing::PretrainWorkspace work;
  const std::string bert = (work.dir / "bert.h5").string();
  write_tiny_bert(bert);
  CHECK(error_of([&] { model::load_model(bert).require_lm(); }) ==
        bert + ": only encodes: it came without a masked-LM head; `pretrain init=" + bert + "` gives it one");
  CHECK(error_of([&] { model::load_model(bert).require_classifier(); }) ==
        bert + ": only encodes, which has no classification head; `finetune` makes one from it");
  CHECK(error_of([&] { config::validate(work.config("a", {"arch.masked_lm_head=false"})); }) ==
        "arch.masked_lm_head: false: pretraining trains that head; leave the key out");
  CHECK(error_of([&] { config::validate(work.config("a", {"arch.pooler=true"})); }) ==
        "arch.pooler keeps a pooler that a model of `init` has; without init there is none");
}

}  // namespace espalier::train
