// BERT and DistilBERT folders that are refused, and models that no class of theirs computes.
#include <doctest/doctest.h>

#include "espalier/io/hf_model.h"
#include "tests/io/hf_support.h"
#include "tests/support/stock_folder.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::stock_folder;
using testing::TempDir;
using namespace hf_testing;

struct Refused {
  const char* pointer;
  Json value;
  const char* message;
};

void check_refused(const char* class_name, const std::vector<Refused>& all) {
  for (const Refused& refused : all) {
    INFO(refused.pointer << " " << refused.value.dump());
    HfFolder folder = stock_folder(class_name);
    folder.config[Json::json_pointer(refused.pointer)] = refused.value;
    const std::string error = error_of_reading(folder);
    INFO(error);
    CHECK(error.find(refused.message) != std::string::npos);
  }
}

TEST_CASE("what a BERT's config may not say is refused, naming key and value") {
  check_refused(
      "BertForMaskedLM",
      {{"/hidden_act", "silu",
        "config.json: hidden_act: \"silu\" is not supported, only gelu, gelu_python, gelu_new, "},
       {"/is_decoder", true, "is_decoder: true is not supported, only false: every token sees both sides"},
       {"/add_cross_attention", true, "add_cross_attention: true is not supported"},
       {"/position_embedding_type", "relative_key",
        "position_embedding_type: \"relative_key\" is not supported, only \"absolute\""},
       {"/pruned_heads", {{"0", {1}}}, "pruned_heads: layers without some of their heads"},
       {"/quantization_config",
        {{"quant_method", "gptq"}},
        "quant_method: expected \"compressed-tensors\", found \"gptq\""},
       {"/num_attention_heads", 3, "arch.hidden_size must be a multiple of arch.attention.heads"},
       {"/hidden_dropout_prob", 1.5, "hidden_dropout_prob: expected a probability"},
       {"/layer_norm_eps", 0, "layer_norm_eps: expected a number above 0, found 0"},
       {"/type_vocab_size", 0, "type_vocab_size: expected a whole number from 1"},
       {"/vocab_size", 451, "tensor `cls.predictions.bias` must be [451] for this config, found [450]"},
       {"/num_hidden_layers", 100000000,
        "tensor `bert.encoder.layer.2.attention.output.LayerNorm.weight` [8] is missing: config.json asks "
        "for more layers or another class"},
       {"/num_hidden_layers", 1, "tensors are unknown to BertForMaskedLM: `bert.encoder.layer.1."},
       {"/architectures/0", "BertForQuestionAnswering",
        "architectures[0]: the class \"BertForQuestionAnswering\" is not supported, only BertModel, "
        "BertForMaskedLM, BertForPreTraining, BertForSequenceClassification; its encoder alone is read with "
        "\"architectures\": [\"BertModel\"]"},
       {"/architectures/0", "DistilBertModel",
        "the class \"DistilBertModel\" is not supported, only BertModel"},
       {"/model_type", "roberta",
        "model_type: \"roberta\" is not supported, only \"crammedBERT\" and \"espalier\", which `espalier "
        "export` and the cramming repository write, \"bert\" and \"distilbert\": it has another tokenizer "
        "(byte-level BPE)"},
       {"/model_type", "albert", "its layers share their weights"},
       {"/model_type", "t5", "\"bert\" and \"distilbert\"; of another model"}});
}

TEST_CASE("what a DistilBERT's config may not say is refused, naming key and value") {
  check_refused("DistilBertForSequenceClassification",
                {{"/activation", "gelu_10", "activation: \"gelu_10\" is not supported"},
                 {"/dim", 16, "tensor `distilbert.embeddings.word_embeddings.weight` must be [450,16]"},
                 {"/problem_type", "multi_label_classification",
                  "problem_type: \"multi_label_classification\" with 3 labels is not supported"},
                 {"/architectures/0", "DistilBertForTokenClassification",
                  "only DistilBertModel, DistilBertForMaskedLM, DistilBertForSequenceClassification; its "
                  "encoder alone is read with \"architectures\": [\"DistilBertModel\"]"}});
}

TEST_CASE("tensors of a BERT that are missing, misshaped or strange are named") {
  HfFolder folder = stock_folder("BertForSequenceClassification");
  HfFolder missing = folder;
  missing.remove("bert.encoder.layer.1.attention.self.key.bias");
  CHECK(error_of_reading(missing).find(
            "model.safetensors: tensor `bert.encoder.layer.1.attention.self.key.bias` [8] is missing") !=
        std::string::npos);
  HfFolder misshaped = folder;
  misshaped.tensor("bert.encoder.layer.0.attention.self.value.weight").value = Tensor::zeros({8, 4});
  CHECK(error_of_reading(misshaped).find(
            "`bert.encoder.layer.0.attention.self.value.weight` must be [8,8] for this config, found "
            "[8,4]") != std::string::npos);
  HfFolder strange = folder;
  strange.tensors.push_back({"bert.encoder.layer.0.adapter.weight", Tensor::zeros({2})});
  CHECK(error_of_reading(strange).find("a tensor is unknown to BertForSequenceClassification: "
                                       "`bert.encoder.layer.0.adapter.weight` [2]") != std::string::npos);
  HfFolder numbered = folder;
  numbered.tensors.push_back({"bert.embeddings.position_ids", Tensor::zeros({1, 32}), DType::kI64});
  CHECK(error_of_reading(numbered).find("element 1 is 0, expected 1") != std::string::npos);
  folder.config["architectures"] = {"BertForMaskedLM"};
  CHECK(error_of_reading(folder).find("tensor `cls.predictions.bias` [450] is missing") != std::string::npos);
}

TEST_CASE("files of the tokenizer that hold no object are refused by name") {
  const testing::TempDir dir;
  for (const std::string name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    testing::stock_folder("BertModel").write(dir / "in");
    dir.write("in/" + name, "[]");
    CHECK(testing::error_of([&] { read_hf_model(dir / "in"); }) ==
          (dir / "in" / name).string() + ": expected an object, found an array");
  }
}

TEST_CASE("a model that no class of transformers computes goes into our own modules") {
  const TempDir dir;
  const HfModel bert = read_back(stock_folder("BertForSequenceClassification"), dir);
  const auto layout_with = [&](const auto& change) {
    HfModel model = bert;
    change(model);
    return export_layout(model);
  };
  CHECK(export_layout(bert) == HfLayout::kBert);
  CHECK(layout_with([](HfModel& model) { model.arch.ffn.type = nn::FeedForwardType::kNeuronTree; }) ==
        HfLayout::kEspalier);
  CHECK(layout_with([](HfModel& model) { model.arch.use_bias = false; }) == HfLayout::kEspalier);
  CHECK(layout_with([](HfModel& model) { model.arch.final_norm = true; }) == HfLayout::kEspalier);
  CHECK(layout_with([](HfModel& model) { model.arch.attention.rotary = true; }) == HfLayout::kEspalier);
  CHECK(layout_with([](HfModel& model) { model.classifier->head_dim = 4; }) == HfLayout::kEspalier);
  // DistilBERT has an epsilon of its own, and a relu in its head.
  CHECK(layout_with([](HfModel& model) { model.arch.embedding.token_types = 0; }) == HfLayout::kEspalier);
  CHECK(testing::error_of([&] {
          export_layout(bert, HfFormat::kOriginal);
        }).find("export: --format original: arch.norm_placement: post") != std::string::npos);
  HfModel crammed;
  CHECK(export_layout(crammed) == HfLayout::kOriginal);
  CHECK(export_layout(crammed, HfFormat::kTransformers) == HfLayout::kEspalier);
}

}  // namespace
}  // namespace espalier::io
