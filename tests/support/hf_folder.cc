#include "tests/support/hf_folder.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tests/support/support.h"

#include "espalier/io/text_file.h"

namespace espalier::testing {

namespace {

constexpr std::int64_t kWidth = 8, kWords = 450, kPositions = 32, kLayers = 2, kHeads = 2;

io::Json config_json(int depth) {
  return io::parse_json(R"({
    "arch": {
      "architectures": ["ScriptableCrammedBERT"],
      "num_transformer_layers": 2, "hidden_size": 8,
      "intermed_type": "fff", "intermed_size": 1, "intermed_depth": )" +
                            std::to_string(depth) + R"(,
      "hidden_dropout_prob": 0.1, "norm": "LayerNorm", "norm_eps": 1e-12, "norm_scheme": "pre", "nonlin": "GELU",
      "tie_weights": true, "decoder_bias": false, "sparse_prediction": 0.25, "loss": "cross-entropy",
      "objective_layout": "MLM",
      "embedding": {"vocab_size": 450, "pos_embedding": "scaled-sinusoidal", "dropout_prob": 0.1,
                    "pad_token_id": 0, "max_seq_length": 32, "embedding_dim": 8, "normalization": true,
                    "stable_low_precision": false},
      "attention": {"type": "self-attention", "causal_attention": false, "num_attention_heads": 2,
                    "dropout_prob": 0.1, "skip_output_projection": false, "qkv_bias": false,
                    "rotary_embedding": false, "seq_op_in_fp32": false, "sequence_op": "torch-softmax"},
      "init": {"type": "normal", "std": 0.02}, "ffn_layer_frequency": 1, "skip_head_transform": true,
      "use_bias": false, "final_norm": true, "num_labels": null,
      "classification_head": {"pooler": "avg", "include_ff_layer": true, "head_dim": 6, "nonlin": "Tanh",
                              "classifier_dropout": 0.1}
    },
    "architectures": ["ScriptableLMForPreTraining"], "model_type": "crammedBERT", "torch_dtype": "float32"
  })",
                        "config.json");
}

class Builder {
 public:
  explicit Builder(int depth) { folder.config = config_json(depth); }

  void add(const std::string& name, const Shape& shape) {
    folder.tensors.push_back({name, random_tensor(shape, ++seed_, -0.5F, 0.5F)});
  }
  void add_norm(const std::string& name) {
    add(name + ".weight", {kWidth});
    add(name + ".bias", {kWidth});
  }
  void add_encoder(std::int64_t nodes) {
    add("encoder.embedding.word_embedding.weight", {kWords, kWidth});
    add("encoder.embedding.pos_embedding.scale_factor", {1});
    add_norm("encoder.embedding.norm");
    for (std::int64_t i = 0; i < kLayers; ++i) {
      const std::string layer = "encoder.layers." + std::to_string(i) + ".";
      add_norm(layer + "norm1");
      add_norm(layer + "norm2");
      const Tensor factor = Tensor::full(Shape{}, 1.0F / std::sqrt(static_cast<float>(kWidth / kHeads)));
      folder.tensors.push_back({layer + "attn.self_attention.norm_factor", factor});
      add(layer + "attn.self_attention.query_key_value.weight", {3 * kWidth, kWidth});
      add(layer + "attn.dense.weight", {kWidth, kWidth});
      add(layer + "ffn.linear_in.weight", {nodes, kWidth});
      add(layer + "ffn.linear_in.bias", {nodes});
      add(layer + "ffn.linear_out.weight", {kWidth, nodes});
    }
    add_norm("encoder.final_norm");
  }
  void add_decoder() {
    folder.tensors.push_back(
        {"decoder.weight", folder.tensor("encoder.embedding.word_embedding.weight").value});
  }

  HfFolder folder;

 private:
  std::uint64_t seed_ = 0;
};

HfFolder masked_lm(int depth) {
  Builder builder(depth);
  builder.add_encoder((std::int64_t{2} << depth) - 1);
  builder.add_decoder();
  return builder.folder;
}

io::Json special_tokens() {
  return {{"pad_token", "<pad>"},   {"unk_token", "<unk>"}, {"cls_token", "<cls>"}, {"sep_token", "<sep>"},
          {"mask_token", "<mask>"}, {"bos_token", "<s>"},   {"eos_token", "</s>"}};
}

}  // namespace

io::SafetensorsEntry& HfFolder::tensor(const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const auto& entry) { return entry.name == name; });
  if (found == tensors.end()) throw std::out_of_range("no tensor " + name);
  return *found;
}

void HfFolder::remove(const std::string& name) {
  std::erase_if(tensors, [&](const io::SafetensorsEntry& entry) { return entry.name == name; });
}

void HfFolder::write(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  io::write_text_atomically(folder / "config.json", io::json_text(config));
  io::write_safetensors(folder / "model.safetensors", tensors);
  io::write_text_atomically(folder / "tokenizer.json", read_text(golden_path("tokenizer.json")));
  io::Json tokenizer = special_tokens();
  tokenizer["tokenizer_class"] = "PreTrainedTokenizerFast";
  tokenizer["model_max_length"] = kPositions;
  tokenizer["clean_up_tokenization_spaces"] = true;
  tokenizer.update(tokenizer_config);
  io::write_text_atomically(folder / "tokenizer_config.json", io::json_text(tokenizer));
  io::write_text_atomically(folder / "special_tokens_map.json", io::json_text(special_tokens()));
}

HfFolder published_layout() {
  return masked_lm(11);
}

HfFolder small_masked_lm() {
  return masked_lm(2);
}

HfFolder small_classifier(int labels) {
  Builder builder(2);
  builder.add_encoder(7);
  builder.add("pooler.dense.weight", {6, kWidth});
  builder.add("pooler.dense.bias", {6});
  builder.add("head.weight", {labels, 6});
  builder.add("head.bias", {labels});
  io::Json& config = builder.folder.config;
  config["architectures"] = io::Json::array({"ScriptableLMForSequenceClassification"});
  config["num_labels"] = labels;
  config["id2label"] = io::Json::object();
  config["label2id"] = io::Json::object();
  for (int i = 0; i < labels; ++i) {
    config["id2label"][std::to_string(i)] = "class " + std::to_string(i);
    config["label2id"]["class " + std::to_string(i)] = i;
  }
  return builder.folder;
}

}  // namespace espalier::testing
