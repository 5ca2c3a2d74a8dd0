#include "tests/support/stock_folder.h"

#include "tests/support/support.h"

namespace espalier::testing {

namespace {

constexpr std::int64_t kStockWidth = 8, kStockUnits = 12, kStockWords = 450, kStockPositions = 32;

io::Json bert_config() {
  return io::parse_json(R"({
    "architectures": [""], "model_type": "bert", "attention_probs_dropout_prob": 0.2, "classifier_dropout": null,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.3, "hidden_size": 8, "initializer_range": 0.05,
    "intermediate_size": 12, "layer_norm_eps": 1e-6, "max_position_embeddings": 32, "num_attention_heads": 2,
    "num_hidden_layers": 2, "pad_token_id": 0, "tie_word_embeddings": true, "transformers_version": "5.23.0",
    "type_vocab_size": 2, "use_cache": true, "vocab_size": 450, "something_of_somebody": [1, 2],
    "dtype": "float32"})",
                        "config.json");
}

io::Json distilbert_config() {
  return io::parse_json(R"({
    "activation": "gelu_new", "architectures": [""], "attention_dropout": 0.2, "dim": 8, "dropout": 0.3,
    "dtype": "float32", "hidden_dim": 12, "initializer_range": 0.05, "max_position_embeddings": 32,
    "model_type": "distilbert", "n_heads": 2, "n_layers": 2, "pad_token_id": 0, "qa_dropout": 0.1,
    "seq_classif_dropout": 0.4, "sinusoidal_pos_embds": false, "tie_word_embeddings": true,
    "transformers_version": "5.23.0", "vocab_size": 450})",
                        "config.json");
}

class StockBuilder {
 public:
  void add(const std::string& name, const Shape& shape) {
    folder.tensors.push_back({name, random_tensor(shape, ++seed_, -0.5F, 0.5F)});
  }
  void add_norm(const std::string& name) { add_linear(name, {kStockWidth}, kStockWidth); }
  void add_linear(const std::string& name, const Shape& weight, std::int64_t bias) {
    add(name + ".weight", weight);
    add(name + ".bias", {bias});
  }
  void add_square(const std::string& name) { add_linear(name, {kStockWidth, kStockWidth}, kStockWidth); }

  void add_bert(const std::string& base) {
    add(base + "embeddings.word_embeddings.weight", {kStockWords, kStockWidth});
    add(base + "embeddings.position_embeddings.weight", {kStockPositions, kStockWidth});
    add(base + "embeddings.token_type_embeddings.weight", {2, kStockWidth});
    add_norm(base + "embeddings.LayerNorm");
    for (const char* layer : {"encoder.layer.0.", "encoder.layer.1."}) {
      const std::string in = base + layer;
      add_square(in + "attention.self.query");
      add_square(in + "attention.self.key");
      add_square(in + "attention.self.value");
      add_square(in + "attention.output.dense");
      add_norm(in + "attention.output.LayerNorm");
      add_linear(in + "intermediate.dense", {kStockUnits, kStockWidth}, kStockUnits);
      add_linear(in + "output.dense", {kStockWidth, kStockUnits}, kStockWidth);
      add_norm(in + "output.LayerNorm");
    }
  }

  void add_distilbert(const std::string& base) {
    add(base + "embeddings.word_embeddings.weight", {kStockWords, kStockWidth});
    add(base + "embeddings.position_embeddings.weight", {kStockPositions, kStockWidth});
    add_norm(base + "embeddings.LayerNorm");
    for (const char* layer : {"transformer.layer.0.", "transformer.layer.1."}) {
      const std::string in = base + layer;
      add_square(in + "attention.q_lin");
      add_square(in + "attention.k_lin");
      add_square(in + "attention.v_lin");
      add_square(in + "attention.out_lin");
      add_norm(in + "sa_layer_norm");
      add_linear(in + "ffn.lin1", {kStockUnits, kStockWidth}, kStockUnits);
      add_linear(in + "ffn.lin2", {kStockWidth, kStockUnits}, kStockWidth);
      add_norm(in + "output_layer_norm");
    }
  }

  HfFolder folder;

 private:
  std::uint64_t seed_ = 0;
};

void add_bert_head(const std::string& class_name, StockBuilder& builder) {
  if (class_name == "BertModel") builder.add_square("pooler.dense");
  if (class_name == "BertForSequenceClassification") {
    builder.add_square("bert.pooler.dense");
    builder.add_linear("classifier", {3, kStockWidth}, 3);
  }
  const bool pretraining = class_name == "BertForPreTraining";
  if (class_name != "BertForMaskedLM" && !pretraining) return;
  builder.add("cls.predictions.bias", {kStockWords});
  builder.add_square("cls.predictions.transform.dense");
  builder.add_norm("cls.predictions.transform.LayerNorm");
  if (!pretraining) return;
  builder.add_square("bert.pooler.dense");
  builder.add_linear("cls.seq_relationship", {2, kStockWidth}, 2);
}

void add_distilbert_head(const std::string& class_name, StockBuilder& builder) {
  if (class_name == "DistilBertForMaskedLM") {
    builder.add_square("vocab_transform");
    builder.add_norm("vocab_layer_norm");
    builder.add("vocab_projector.bias", {kStockWords});
  } else if (class_name == "DistilBertForSequenceClassification") {
    builder.add_square("pre_classifier");
    builder.add_linear("classifier", {3, kStockWidth}, 3);
  }
}

}  // namespace

HfFolder stock_folder(const std::string& class_name) {
  StockBuilder builder;
  if (class_name.starts_with("Distil")) {
    builder.folder.config = distilbert_config();
    builder.folder.tokenizer_config["model_input_names"] = {"input_ids", "attention_mask"};
    builder.add_distilbert(class_name == "DistilBertModel" ? "" : "distilbert.");
    add_distilbert_head(class_name, builder);
  } else {
    builder.folder.config = bert_config();
    builder.add_bert(class_name == "BertModel" ? "" : "bert.");
    add_bert_head(class_name, builder);
  }
  io::Json& config = builder.folder.config;
  config["architectures"] = io::Json::array({class_name});
  if (class_name.ends_with("ForSequenceClassification")) {
    config["id2label"] = {{"0", "bad"}, {"1", "fair"}, {"2", "good"}};
    config["label2id"] = {{"bad", 0}, {"fair", 1}, {"good", 2}};
  }
  return builder.folder;
}

}  // namespace espalier::testing
