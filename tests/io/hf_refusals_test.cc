// Hugging Face folders that are refused, or read with a warning.
#include <doctest/doctest.h>

#include "espalier/io/hf_model.h"
#include "espalier/io/text_file.h"
#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::TempDir;
using namespace hf_testing;

TEST_CASE("what cannot be computed exactly is refused, naming key and value") {
  struct Refused {
    const char* pointer;
    Json value;
    const char* message;
  };
  const std::vector<Refused> all = {
      {"/model_type", "roberta",
       "config.json: model_type: \"roberta\" is not supported, only \"crammedBERT\""},
      {"/architectures/0", "BertForMaskedLM",
       "architectures[0]: the model \"BertForMaskedLM\" is not supported"},
      {"/arch/norm", "RMSNorm", "arch.norm: \"RMSNorm\" is not supported, only \"LayerNorm\""},
      {"/arch/norm_scheme", "post", "arch.norm_scheme: \"post\" is not supported, only \"pre\""},
      {"/arch/nonlin", "ReLU", "arch.nonlin: \"ReLU\" is not supported, only \"GELU\""},
      {"/arch/nonlin", "GELUglu", "arch.nonlin: \"GELUglu\" is not supported, only \"GELU\""},
      {"/arch/intermed_type", "moe", "arch.intermed_type: \"moe\" is not supported"},
      {"/arch/skip_head_transform", false, "arch.skip_head_transform: false is not supported, only true"},
      {"/arch/objective_layout", "SCRIPT", "arch.objective_layout: \"SCRIPT\" is not supported"},
      {"/arch/attention/causal_attention", true, "arch.attention.causal_attention: true is not supported"},
      {"/arch/attention/sequence_op", "cumsum", "arch.attention.sequence_op: \"cumsum\" is not supported"},
      {"/arch/attention/skip_output_projection", true, "arch.attention.skip_output_projection: true is not"},
      {"/arch/attention/type", "flash", "arch.attention.type: \"flash\" is not supported"},
      {"/arch/attention/rotary_embedding", "sanity",
       "arch.attention.rotary_embedding: \"sanity\" is not supported"},
      {"/arch/attention/rotary_embedding", "v2", "arch.attention.rotary_embedding: \"v2\" is not supported"},
      {"/arch/embedding/pos_embedding", "sinusoidal", "arch.embedding.pos_embedding: \"sinusoidal\" is not"},
      {"/arch/embedding/embedding_dim", 4, "arch.embedding.embedding_dim: expected hidden_size (8), found 4"},
      {"/arch/embedding/max_seq_length", 1e9,
       "arch.embedding.max_seq_length: expected a whole number from 1 to 65536"},
      {"/arch/hidden_size", "8", "arch.hidden_size: expected a whole number, found the string \"8\""},
      {"/arch/hidden_dropout_prob", 1.5, "arch.hidden_dropout_prob: expected a probability"},
      {"/arch/attention/num_attention_heads", 3,
       "arch.hidden_size must be a multiple of arch.attention.heads"},
      {"/arch/num_transformer_layers", 100000000, "tensor `encoder.layers.2.norm1.weight` [8] is missing"},
      {"/arch/intermed_depth", 3,
       "tensor `encoder.layers.0.ffn.linear_in.weight` must be [15,8] for this config, "
       "found [7,8]"},
      {"/arch/embedding", Json(), "the key \"embedding\" is missing"},
  };
  for (const Refused& refused : all) {
    INFO(refused.pointer << " " << refused.value.dump());
    HfFolder folder = testing::small_masked_lm();
    folder.config[Json::json_pointer(refused.pointer)] = refused.value;
    const std::string error = error_of_reading(folder);
    INFO(error);
    CHECK(error.find(refused.message) != std::string::npos);
  }
}

TEST_CASE("keys that are not known are named in a warning") {
  HfFolder folder = testing::small_masked_lm();
  folder.config["arch"]["attention"]["sliding_window"] = 3;
  folder.config["arch"]["tie_weights"] = false;
  const TempDir dir;
  const HfModel model = read_back(folder, dir);
  REQUIRE(model.warnings.size() == 2);
  CHECK(model.warnings[0].find("config.json: arch.attention: the key \"sliding_window\" is not known") !=
        std::string::npos);
  CHECK(model.warnings[1].find("tie_weights: false is ignored") != std::string::npos);
}

TEST_CASE("tensors that do not fit are named") {
  HfFolder folder = testing::small_masked_lm();
  folder.remove("encoder.layers.1.attn.dense.weight");
  CHECK(
      error_of_reading(folder).find("model.safetensors: tensor `encoder.layers.1.attn.dense.weight` [8,8] is "
                                    "missing") != std::string::npos);
  folder = testing::small_masked_lm();
  folder.tensor("encoder.final_norm.bias").value = Tensor::zeros({9});
  CHECK(error_of_reading(folder).find(
            "tensor `encoder.final_norm.bias` must be [8] for this config, found [9]") != std::string::npos);
  folder = testing::small_masked_lm();
  folder.tensors.push_back({"prediction_head.dense.weight", Tensor::zeros({8, 8})});
  CHECK(error_of_reading(folder).find(
            "a tensor is unknown to this architecture (1x2): `prediction_head.dense.weight` [8,8]") !=
        std::string::npos);
  folder = testing::small_masked_lm();
  folder.tensor("encoder.layers.0.attn.self_attention.norm_factor").value = Tensor::full(Shape{}, 1.0F);
  CHECK(error_of_reading(folder).find("norm_factor`: element 0 is 1, expected 0.5") != std::string::npos);
}

TEST_CASE("folders without a model say what is missing") {
  const TempDir dir;
  CHECK(testing::error_of([&] { read_hf_model(dir / "none"); }).find("not a folder") != std::string::npos);
  std::filesystem::create_directories(dir / "in");
  CHECK(testing::error_of([&] {
          read_hf_model(dir / "in");
        }).find("neither config.json nor model_config.json") != std::string::npos);
  testing::small_masked_lm().write(dir / "in");
  std::filesystem::remove(dir / "in" / "model.safetensors");
  CHECK(testing::error_of([&] { read_hf_model(dir / "in"); }).find("no model.safetensors") !=
        std::string::npos);
  // A folder whose name a shell and Python would both trip over.
  std::filesystem::rename(dir / "in", dir / "it's");
  std::filesystem::create_directories(dir / "it's");
  dir.write("it's/pytorch_model.bin", "pickle");
  const std::string error = testing::error_of([&] { read_hf_model(dir / "it's"); });
  CHECK(error.find("is a Python pickle, which is not read; convert it once with\npython3 -c 'import torch") !=
        std::string::npos);
  CHECK(error.find("/it'\\''s/pytorch_model.bin\", map_location") != std::string::npos);
  dir.write("it's/model.safetensors",
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 438000000\n");
  CHECK(testing::error_of([&] {
          read_hf_model(dir / "it's");
        }).find("model.safetensors: is a git-lfs pointer, not the data") != std::string::npos);
}

TEST_CASE("an empty tokenizer.json is a failed download, not a model without words") {
  const TempDir dir;
  testing::small_masked_lm().write(dir / "in");
  dir.write("in/tokenizer.json", "");
  const std::string error = testing::error_of([&] { read_hf_model(dir / "in"); });
  CHECK(error.find("tokenizer.json: the file is empty; download it again") != std::string::npos);
}

TEST_CASE("what the original has no counterpart for is not exported for it") {
  HfModel model;
  const auto error = [&] {
    CHECK(export_layout(model) == HfLayout::kEspalier);
    return testing::error_of([&] { export_layout(model, HfFormat::kOriginal); });
  };
  model.arch.ffn.type = nn::FeedForwardType::kLeafTree;
  CHECK(error().find("export: --format original: arch.ffn.type: leaf_tree has no counterpart") !=
        std::string::npos);
  model.arch = {};
  model.arch.attention.rotary = true;
  model.arch.embedding.max_positions = 2048;
  CHECK(error().find("arch.embedding.max_positions: 2048") != std::string::npos);
  model.arch = {};
  model.arch.ffn.linear_rank = 8;
  CHECK(error() ==
        "export: --format original: arch.ffn.linear_rank: 8: the original has no linear path beside its "
        "layers");
  model.arch = {};
  model.arch.ffn.layers = {0, 3};
  CHECK(error() ==
        "export: --format original: arch.ffn.layers: [0, 3]: the original's feedforward layers are all of "
        "one kind");
}

// The same tensors, all as F64: our own writer has no such type.
void write_as_doubles(const HfFolder& folder, const std::filesystem::path& path) {
  Json header = Json::object();
  std::string data;
  for (const SafetensorsEntry& entry : folder.tensors) {
    const std::size_t begin = data.size();
    for (const float value : entry.value.span()) {
      const double wide = static_cast<double>(value);
      data.append(reinterpret_cast<const char*>(&wide), sizeof(wide));
    }
    Json shape = Json::array();
    for (const std::int64_t extent : entry.value.shape().extents()) shape.push_back(extent);
    header[entry.name] = {{"dtype", "F64"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = json_text(header, -1);
  const std::uint64_t size = text.size();
  write_text_atomically(path, std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text + data);
}

TEST_CASE("double precision is rounded to float32, with one warning") {
  const TempDir dir;
  const HfFolder folder = testing::small_masked_lm();
  const std::uint64_t checksum = weights_checksum(read_back(folder, dir).tensors);
  write_as_doubles(folder, dir / "in" / "model.safetensors");
  const HfModel model = read_hf_model(dir / "in");
  CHECK(weights_checksum(model.tensors) == checksum);
  REQUIRE(model.warnings.size() == 1);
  CHECK(model.warnings[0].find("model.safetensors: 27 tensors are F64 and were rounded to F32") !=
        std::string::npos);
}

TEST_CASE("a source in a checkpoint's metadata is checked before it is used") {
  const Json good = hf_source_json({});
  const auto error = [&](const char* pointer, const Json& value) {
    Json json = good;
    json[Json::json_pointer(pointer)] = value;
    return testing::error_of([&] { hf_source_from_json(json, "a.h5: metadata.source"); });
  };
  hf_source_from_json(good, "a.h5: metadata.source");
  CHECK(error("/dtype", "F8") == "a.h5: metadata.source: dtype: unknown element type \"F8\"");
  CHECK(error("/config", 3).find("expected an object") != std::string::npos);
  CHECK(error("/config", {{"arch", {{"embedding", 3}}}}).find("config.arch.embedding: expected an object") !=
        std::string::npos);
  const Json buffer = {{"names", {"x"}}, {"shape", {1 << 30, 1 << 30}}, {"values", {1}}};
  CHECK(error("/buffers", Json::array({buffer})).find("shape[0]: expected a whole number from 0 to 1") !=
        std::string::npos);
  const Json short_buffer = {{"names", {"x"}}, {"shape", {2}}, {"values", {1, 2, 3}}};
  CHECK(error("/buffers", Json::array({short_buffer})).find("does not fit the shape") != std::string::npos);
}

}  // namespace
}  // namespace espalier::io
