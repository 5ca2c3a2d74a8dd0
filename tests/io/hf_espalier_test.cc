// Folders of model_type espalier: what export writes beside its own Python modules, and what transformers may
// have saved since.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "espalier/config/arch_config.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/model_tensors.h"
#include "io/hf_remote_code.h"
#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::TempDir;
using namespace hf_testing;

nn::EncoderOptions small_arch() {
  nn::EncoderOptions arch = small_trees();
  arch.ffn.type = nn::FeedForwardType::kLeafTree;
  arch.ffn.trees = 2;
  arch.ffn.leaf_width = 3;
  return arch;
}

// BERT's blocks with trees in one of two layers, and everything that a masked LM may have.
nn::EncoderOptions mixed_arch() {
  nn::EncoderOptions arch = small_bert();
  arch.ffn.type = nn::FeedForwardType::kNeuronTree;
  arch.ffn.activation = nn::Activation::kGeluTanh;
  arch.ffn.linear_rank = 3;
  arch.ffn.layers = {1};
  arch.ffn.other_width = 6;
  arch.norm_eps = 1e-7;
  arch.attention.rotary = true;
  arch.pooler = true;
  return arch;
}

HfModel model_of(const nn::EncoderOptions& arch, std::optional<nn::ClassifierOptions> head = {}) {
  HfModel model;
  model.arch = arch;
  model.classifier = head;
  float next = 0.25F;
  visit_model_tensors(arch, head ? &*head : nullptr, [&](const std::string& name, const Shape& shape) {
    model.tensors.push_back({name, Tensor::full(shape, next)});
    model.tensors.back().value.data()[0] = -next;
    next += 0.5F;
  });
  model.tokenizer_json = testing::read_text(testing::golden_path("tokenizer.json"));
  return model;
}

void write(const std::filesystem::path& folder, const HfModel& model) {
  write_hf_model(folder, model, {std::nullopt, "", HfFormat::kTransformers});
}

std::vector<std::string> texts_of(const nn::EncoderOptions& arch) {
  std::vector<std::string> texts;
  for (const config::Setting& setting : config::arch_settings(arch)) {
    texts.push_back(setting.key + ": " + config::setting_text(setting));
  }
  return texts;
}

// What reading DIR says after `change` of its config.json.
template <class Change>
std::string error_after(const Change& change) {
  const TempDir dir;
  write(dir / "in", model_of(small_arch()));
  Json config = read_json(dir / "in" / "config.json");
  change(config);
  dir.write("in/config.json", json_text(config));
  return testing::error_of([&] { read_hf_model(dir / "in"); });
}

TEST_CASE("an export has the modules, a config.json that names them, and our tensors") {
  const TempDir dir;
  const HfModel model = model_of(small_arch());
  write(dir / "out", model);
  for (const RemoteModule& module : remote_modules()) {
    INFO(module.file);
    CHECK(testing::read_text(dir / "out" / module.file) == module.text);
  }
  const Json config = read_json(dir / "out" / "config.json");
  CHECK(config.at("model_type") == "espalier");
  CHECK(config.at("architectures") == Json::array({"EspalierForMaskedLM"}));
  CHECK(config.at("auto_map").at("AutoModelForMaskedLM") == "modeling_espalier.EspalierForMaskedLM");
  CHECK(config.at("ffn_type") == "leaf_tree");
  CHECK(config.at("ffn_depth") == 2);
  CHECK(config.at("norm_eps") == 1e-12);
  CHECK(config.at("final_norm") == true);
  CHECK_FALSE(config.contains("espalier"));
  CHECK_FALSE(std::filesystem::exists(dir / "out" / "model_config.json"));
  const auto tensors = stored(dir / "out");
  CHECK(tensors.size() == model.tensors.size());
  for (const NamedTensor& tensor : model.tensors) CHECK(tensors.count(tensor.name) == 1);
}

TEST_CASE(
    "every mixture comes back to the bit, as masked LM, classifier and encoder, and goes out the same") {
  nn::EncoderOptions encoder = mixed_arch();
  encoder.masked_lm_head = encoder.head_transform = encoder.decoder_bias = false;
  const nn::ClassifierOptions head{.pooler = nn::Pooler::kAverage,
                                   .activation = nn::HeadActivation::kRelu,
                                   .head_dim = 5,
                                   .labels = 3,
                                   .dropout = 0.25};
  for (HfModel model : {model_of(small_arch()), model_of(mixed_arch()), model_of(encoder),
                        model_of(small_arch(), head), model_of(mixed_arch(), head)}) {
    if (model.classifier) model.labels = {"bad", "fair", "good"};
    const TempDir dir;
    write(dir / "out", model);
    const HfModel again = read_hf_model(dir / "out");
    CHECK(texts_of(again.arch) == texts_of(model.arch));
    CHECK(weights_checksum(again.tensors) == weights_checksum(model.tensors));
    CHECK(joined(again.warnings).empty());
    CHECK(again.labels == model.labels);
    REQUIRE(again.classifier.has_value() == model.classifier.has_value());
    if (model.classifier) {
      CHECK(again.classifier->pooler == head.pooler);
      CHECK(again.classifier->activation == head.activation);
      CHECK(again.classifier->head_dim == 5);
      CHECK(again.classifier->dropout == 0.25);
    }
    write(dir / "again", again);
    for (const char* name : {"config.json", "model.safetensors", "tokenizer_config.json"}) {
      INFO(name);
      CHECK(testing::read_text(dir / "again" / name) == testing::read_text(dir / "out" / name));
    }
  }
}

TEST_CASE("a masked LM that carries a pooler gives a classifier its width") {
  const TempDir dir;
  write(dir / "out", model_of(mixed_arch()));
  CHECK(read_json(dir / "out" / "config.json").at("head_dim") == 8);
  write(dir / "out", model_of(small_arch()));
  CHECK(read_json(dir / "out" / "config.json").at("head_dim") == 1024);
}

TEST_CASE(
    "BERT's pooler lies where AutoModel finds it, in folders of before and heads of another shape beside") {
  const nn::EncoderOptions arch = mixed_arch();
  const nn::ClassifierOptions berts{.head_dim = arch.hidden_size, .labels = 2},
      other{.head_dim = 5, .labels = 2};
  const auto name_in = [](const HfModel& model) {
    const TempDir dir;
    write(dir / "out", model);
    for (const auto& [name, tensor] : stored(dir / "out")) {
      if (name.ends_with("pooler.dense.bias")) return name;
    }
    return std::string();
  };
  CHECK(name_in(model_of(arch)) == "encoder.pooler.dense.bias");
  CHECK(name_in(model_of(arch, berts)) == "encoder.pooler.dense.bias");
  CHECK(name_in(model_of(arch, other)) == "pooler.dense.bias");
  CHECK(name_in(model_of(small_arch(), berts)) == "pooler.dense.bias");

  const TempDir dir;
  const HfModel model = model_of(arch);
  write(dir / "out", model);
  std::vector<SafetensorsEntry> before;
  for (const NamedTensor& tensor : model.tensors) before.push_back({tensor.name, tensor.value, DType::kF32});
  write_safetensors(dir / "out" / "model.safetensors", before, {{"format", "pt"}});
  CHECK(weights_checksum(read_hf_model(dir / "out").tensors) == weights_checksum(model.tensors));
}

TEST_CASE("the routing of the file is what counts") {
  const TempDir dir;
  HfModel model = model_of(small_arch());
  model.own["routing"] = {
      {"mode", "anneal"}, {"temperature", 0.5}, {"finished", true}, {"trained_softly", true}};
  write(dir / "out", model);
  Json config = read_json(dir / "out" / "config.json");
  CHECK(config.at("routing_mode") == "hard");
  CHECK(config.at("routing_temperature") == 0.5);
  CHECK(read_hf_model(dir / "out").own.at("routing").at("mode") == "anneal");
  config["routing_mode"] = "soft";
  dir.write("out/config.json", json_text(config));
  const HfModel changed = read_hf_model(dir / "out");
  CHECK(changed.own.at("routing").at("mode") == "soft");
  CHECK(changed.own.at("routing").at("temperature") == 0.5);
  CHECK(export_layout(changed) == HfLayout::kEspalier);
}

TEST_CASE("what training in transformers pruned and skipped comes along, on its own and with the rest") {
  const TempDir dir;
  write(dir / "out", model_of(small_arch()));
  Json config = read_json(dir / "out" / "config.json");
  config["routing_ste_epsilon"] = 0.01;
  dir.write("out/config.json", json_text(config));
  HfModel model = read_hf_model(dir / "out");
  CHECK(model.own.at("routing").at("mode") == "hard");
  CHECK(model.own.at("routing").at("ste_epsilon") == 0.01);
  CHECK_FALSE(model.own.at("routing").contains("epsilon"));
  config["routing_mode"] = "soft";
  config["routing_epsilon"] = 0.1;
  dir.write("out/config.json", json_text(config));
  model = read_hf_model(dir / "out");
  CHECK(model.own.at("routing").at("epsilon") == 0.1);
  // Without what the folder said beyond, as after more training.
  model.source = {};
  write(dir / "again", model);
  const Json again = read_json(dir / "again" / "config.json");
  CHECK(again.at("routing_epsilon") == 0.1);
  CHECK(again.at("routing_ste_epsilon") == 0.01);
  CHECK(read_hf_model(dir / "again").own == model.own);
}

TEST_CASE("what transformers saves: names of an encoder alone, the tied decoder") {
  const TempDir dir;
  const HfModel model = model_of(small_arch());
  write(dir / "out", model);
  std::vector<SafetensorsEntry> bare, tied;
  for (const NamedTensor& tensor : model.tensors) {
    bare.push_back({tensor.name.substr(std::string("encoder.").size()), tensor.value, DType::kF32});
    tied.push_back({tensor.name, tensor.value, DType::kF32});
    if (tensor.name == "encoder.embedding.word_embedding.weight")
      tied.push_back({"decoder.weight", tensor.value, DType::kF32});
  }
  write_safetensors(dir / "out" / "model.safetensors", tied, {{"format", "pt"}});
  CHECK(weights_checksum(read_hf_model(dir / "out").tensors) == weights_checksum(model.tensors));

  write_safetensors(dir / "out" / "model.safetensors", bare, {{"format", "pt"}});
  Json config = read_json(dir / "out" / "config.json");
  config["architectures"] = {"EspalierModel"};
  dir.write("out/config.json", json_text(config));
  const HfModel encoder = read_hf_model(dir / "out");
  CHECK_FALSE(encoder.arch.masked_lm_head);
  CHECK(weights_checksum(encoder.tensors) == weights_checksum(model.tensors));
}

TEST_CASE("a wrong config.json is refused with its key") {
  CHECK(error_after([](Json& config) { config["architectures"] = {"EspalierForTokenClassification"}; })
            .find("config.json: architectures[0]: the class \"EspalierForTokenClassification\" is not "
                  "supported, only EspalierModel, EspalierForMaskedLM and "
                  "EspalierForSequenceClassification") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["ffn_depth"] = 99;
        }).find("config.json: ffn_depth: arch.ffn.depth must be") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["ffn_type"] = "forest";
        }).find("config.json: ffn_type: arch.ffn.type must be one of") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["hidden_size"] = std::int64_t{1} << 40;
        }).find("config.json: hidden_size: ") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["embedding_max_positions"] = 1 << 20;
        }).find("config.json: embedding_max_positions: ") != std::string::npos);
  CHECK(error_after([](Json& config) { config["routing_mode"] = "anneal"; })
            .find("config.json: routing_mode: expected \"hard\", \"straight_through\" or \"soft\", found "
                  "\"anneal\"") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["routing_temperature"] = 0;
        }).find("config.json: routing_temperature: expected a number above 0") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["routing_epsilon"] = 1;
        }).find("config.json: routing_epsilon: expected a probability in [0, 1), found 1") !=
        std::string::npos);
  CHECK(error_after([](Json& config) {
          config["routing_ste_epsilon"] = -1;
        }).find("config.json: routing_ste_epsilon: expected a number at least 0") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["espalier"] = 5;
          config["routing_mode"] = "soft";
        }).find("config.json: espalier: expected an object, found 5") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["espalier"] = 5;
        }).find("config.json: espalier: expected an object, found 5") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["espalier"] = {{"routing", {1}}};
        }).find("config.json: espalier: routing: expected an object, found an array") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["head_pooler"] = "max";
        }).find("config.json: head_pooler: expected \"zero_index\" or \"avg\", found \"max\"") !=
        std::string::npos);
  CHECK(error_after([](Json& config) {
          config["ffn_layers"] = {0, 2};
        }).find("arch.ffn.layers must name layers from 0 to 1 in ascending order, got [0, 2]") !=
        std::string::npos);
  CHECK(error_after([](Json& config) {
          config["ffn_layers"] = "all";
        }).find("config.json: ffn_layers: arch.ffn.layers must be a list of whole numbers") !=
        std::string::npos);
  CHECK(error_after([](Json& config) {
          config["hidden_size"] = 9;
        }).find("multiple of arch.attention.heads") != std::string::npos);
}

TEST_CASE("tensors that do not fit the config are refused by name") {
  CHECK(error_after([](Json& config) {
          config["ffn_leaf_width"] = 4;
        }).find("`encoder.layers.0.ffn.leaf_in.weight` must be [8,4,8] for this config, found [8,3,8]") !=
        std::string::npos);
  CHECK(error_after([](Json& config) {
          config["layers"] = 3;
        }).find("tensor `encoder.layers.2.norm1.weight` [8] is missing") != std::string::npos);
  CHECK(error_after([](Json& config) {
          config["layers"] = 1;
        }).find("tensors are unknown to this architecture (2x2 leaves of 3)") != std::string::npos);
}

TEST_CASE("the Python configuration has our defaults") {
  const std::string text(remote_modules()[0].text);
  for (const config::Setting& setting : config::arch_settings({})) {
    std::string key = setting.key.substr(std::string("arch.").size());
    std::replace(key.begin(), key.end(), '.', '_');
    std::string value = config::setting_text(setting);
    const Json json = Json::parse(value, nullptr, false);
    if (json.is_discarded()) value = '"' + value + '"';
    if (json.is_boolean()) value = json.get<bool>() ? "True" : "False";
    INFO(key);
    CHECK(text.find("    \"" + key + "\": " + value + ",") != std::string::npos);
  }
}

}  // namespace
}  // namespace espalier::io
