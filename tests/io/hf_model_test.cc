// Hugging Face folders in and out: names, layouts, bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "espalier/io/hf_model.h"
#include "espalier/io/text_file.h"
#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::TempDir;
using namespace hf_testing;

TEST_CASE("the published 1x11 layout: every name and shape, ours and theirs") {
  const TempDir dir;
  const HfModel model = read_back(testing::published_layout(), dir);
  CHECK(model.warnings.empty());
  CHECK(nn::describe(model.arch.ffn) == "1x11");
  std::vector<std::string> ours;
  for (const NamedTensor& tensor : model.tensors)
    ours.push_back(tensor.name + " " + tensor.value.shape().str());
  CHECK(joined(ours) ==
        "encoder.embedding.word_embedding.weight [450,8]\n"
        "encoder.embedding.pos_embedding.scale_factor [1]\n"
        "encoder.embedding.norm.weight [8]\n"
        "encoder.embedding.norm.bias [8]\n"
        "encoder.layers.0.norm1.weight [8]\n"
        "encoder.layers.0.norm1.bias [8]\n"
        "encoder.layers.0.attn.self_attention.query_key_value.weight [24,8]\n"
        "encoder.layers.0.attn.dense.weight [8,8]\n"
        "encoder.layers.0.norm2.weight [8]\n"
        "encoder.layers.0.norm2.bias [8]\n"
        "encoder.layers.0.ffn.linear_in.weight [4095,8]\n"
        "encoder.layers.0.ffn.linear_in.bias [4095]\n"
        "encoder.layers.0.ffn.linear_out.weight_t [4095,8]\n"
        "encoder.layers.1.norm1.weight [8]\n"
        "encoder.layers.1.norm1.bias [8]\n"
        "encoder.layers.1.attn.self_attention.query_key_value.weight [24,8]\n"
        "encoder.layers.1.attn.dense.weight [8,8]\n"
        "encoder.layers.1.norm2.weight [8]\n"
        "encoder.layers.1.norm2.bias [8]\n"
        "encoder.layers.1.ffn.linear_in.weight [4095,8]\n"
        "encoder.layers.1.ffn.linear_in.bias [4095]\n"
        "encoder.layers.1.ffn.linear_out.weight_t [4095,8]\n"
        "encoder.final_norm.weight [8]\n"
        "encoder.final_norm.bias [8]\n");

  write_hf_model(dir / "out", model);
  const SafetensorsReader written(dir / "out" / "model.safetensors");
  CHECK(written.metadata().at("format") == "pt");
  std::vector<std::string> theirs;
  for (const std::string& name : written.names()) {
    theirs.push_back(name + " " + dtype_name(written.info(name).dtype) + " " +
                     written.info(name).shape.str());
  }
  CHECK(joined(theirs) ==
        "decoder.weight F32 [450,8]\n"
        "encoder.embedding.norm.bias F32 [8]\n"
        "encoder.embedding.norm.weight F32 [8]\n"
        "encoder.embedding.pos_embedding.scale_factor F32 [1]\n"
        "encoder.embedding.word_embedding.weight F32 [450,8]\n"
        "encoder.final_norm.bias F32 [8]\n"
        "encoder.final_norm.weight F32 [8]\n"
        "encoder.layers.0.attn.dense.weight F32 [8,8]\n"
        "encoder.layers.0.attn.self_attention.norm_factor F32 []\n"
        "encoder.layers.0.attn.self_attention.query_key_value.weight F32 [24,8]\n"
        "encoder.layers.0.ffn.linear_in.bias F32 [4095]\n"
        "encoder.layers.0.ffn.linear_in.weight F32 [4095,8]\n"
        "encoder.layers.0.ffn.linear_out.weight F32 [8,4095]\n"
        "encoder.layers.0.norm1.bias F32 [8]\n"
        "encoder.layers.0.norm1.weight F32 [8]\n"
        "encoder.layers.0.norm2.bias F32 [8]\n"
        "encoder.layers.0.norm2.weight F32 [8]\n"
        "encoder.layers.1.attn.dense.weight F32 [8,8]\n"
        "encoder.layers.1.attn.self_attention.norm_factor F32 []\n"
        "encoder.layers.1.attn.self_attention.query_key_value.weight F32 [24,8]\n"
        "encoder.layers.1.ffn.linear_in.bias F32 [4095]\n"
        "encoder.layers.1.ffn.linear_in.weight F32 [4095,8]\n"
        "encoder.layers.1.ffn.linear_out.weight F32 [8,4095]\n"
        "encoder.layers.1.norm1.bias F32 [8]\n"
        "encoder.layers.1.norm1.weight F32 [8]\n"
        "encoder.layers.1.norm2.bias F32 [8]\n"
        "encoder.layers.1.norm2.weight F32 [8]\n");
}

TEST_CASE("a row of our output matrix is a column of theirs") {
  const TempDir dir;
  HfFolder folder = testing::small_masked_lm();
  const Tensor theirs = folder.tensor("encoder.layers.0.ffn.linear_out.weight").value;
  const HfModel model = read_back(folder, dir);
  const auto ours = std::find_if(model.tensors.begin(), model.tensors.end(), [](const NamedTensor& tensor) {
    return tensor.name == "encoder.layers.0.ffn.linear_out.weight_t";
  });
  REQUIRE(ours != model.tensors.end());
  REQUIRE(ours->value.shape() == Shape{7, 8});
  for (std::int64_t node = 0; node < 7; ++node) {
    for (std::int64_t i = 0; i < 8; ++i) {
      CHECK(ours->value.data()[node * 8 + i] == theirs.data()[i * 7 + node]);
    }
  }
}

TEST_CASE("import and export give the same bytes back") {
  SUBCASE("float32") {
    check_round_trip(testing::small_masked_lm());
  }
  SUBCASE("the published layout") {
    check_round_trip(testing::published_layout());
  }
  SUBCASE("classifiers") {
    check_round_trip(testing::small_classifier(3));
    check_round_trip(testing::small_classifier(1));
  }
  SUBCASE("16-bit and mixed types") {
    for (const DType dtype : {DType::kF16, DType::kBF16}) {
      HfFolder folder = testing::small_masked_lm();
      for (SafetensorsEntry& entry : folder.tensors) entry.dtype = dtype;
      folder.config["torch_dtype"] = dtype == DType::kF16 ? "float16" : "bfloat16";
      check_round_trip(folder);
      folder.tensor("encoder.final_norm.weight").dtype = DType::kF32;
      check_round_trip(folder);
    }
  }
  SUBCASE("no metadata") {
    const TempDir dir;
    const HfFolder folder = testing::small_masked_lm();
    folder.write(dir / "in");
    write_safetensors(dir / "in" / "model.safetensors", folder.tensors, {});
    CHECK(read_hf_model(dir / "in").warnings.empty());
  }
}

void make_rotary(HfFolder& folder) {
  folder.config["arch"]["attention"]["rotary_embedding"] = "llama";
  for (const char* layer : {"0", "1"}) {
    Tensor angles = Tensor::empty({1024, 2, 2});
    for (std::int64_t p = 0; p < 1024; ++p) {
      for (std::int64_t i = 0; i < 2; ++i) {
        const double angle = static_cast<double>(p) * std::pow(10000.0, -0.5 * static_cast<double>(i));
        angles.data()[(p * 2 + i) * 2] = static_cast<float>(std::cos(angle));
        angles.data()[(p * 2 + i) * 2 + 1] = static_cast<float>(std::sin(angle));
      }
    }
    folder.tensors.push_back(
        {std::string("encoder.layers.") + layer + ".attn.self_attention.rotary_emb.freqs_cis", angles,
         DType::kC64});
  }
}

TEST_CASE("rotary angles are kept to the last bit, and refused if they are others") {
  HfFolder folder = testing::small_masked_lm();
  make_rotary(folder);
  check_round_trip(folder);
  const TempDir dir;
  CHECK(read_back(folder, dir).arch.attention.rotary);

  const std::string name = "encoder.layers.1.attn.self_attention.rotary_emb.freqs_cis";
  folder.tensor(name).value = folder.tensor(name).value.clone();
  folder.tensor(name).value.data()[4 * 5] += 0.01F;
  CHECK(error_of_reading(folder).find(name + "`: element 20 is") != std::string::npos);

  HfFolder without_table = testing::small_masked_lm();
  without_table.config["arch"]["attention"]["rotary_embedding"] = "llama";
  CHECK(read_back(without_table, dir).arch.attention.rotary);
  write_hf_model(dir / "out", read_hf_model(dir / "in"));
  CHECK(SafetensorsReader(dir / "out" / "model.safetensors").info(name).dtype == DType::kC64);
}

TEST_CASE("rotary_embedding: true is read as none, with a warning, and written back") {
  HfFolder folder = testing::small_masked_lm();
  folder.config["arch"]["attention"]["rotary_embedding"] = true;
  for (const char* layer : {"0", "1"}) {
    folder.tensors.push_back(
        {std::string("encoder.layers.") + layer + ".attn.self_attention.rotary_emb.inv_freq",
         Tensor::from({2}, {1.0F, 0.25F})});
  }
  const TempDir dir;
  const HfModel model = read_back(folder, dir);
  CHECK_FALSE(model.arch.attention.rotary);
  REQUIRE(model.warnings.size() == 1);
  CHECK(model.warnings[0].find("arch.attention.rotary_embedding: true has no effect") != std::string::npos);
  check_round_trip(folder);
}

TEST_CASE("learned positions, with the original's table of position ids") {
  HfFolder folder = testing::small_masked_lm();
  folder.config["arch"]["embedding"]["pos_embedding"] = "learned";
  folder.remove("encoder.embedding.pos_embedding.scale_factor");
  folder.tensors.push_back(
      {"encoder.embedding.pos_embedding.embedding.weight", testing::random_tensor({32, 8}, 77)});
  Tensor ids = Tensor::empty({1, 32});
  for (int i = 0; i < 32; ++i) ids.data()[i] = static_cast<float>(i);
  folder.tensors.push_back({"encoder.embedding.pos_embedding.position_ids", ids, DType::kI64});
  check_round_trip(folder);
  folder.tensor("encoder.embedding.pos_embedding.position_ids").value.data()[3] = 4;
  CHECK(error_of_reading(folder).find("position_ids`: element 3 is 4, expected 3") != std::string::npos);
}

TEST_CASE("a dense layer of width 0 has no tensors here and empty ones there") {
  HfFolder folder = testing::small_masked_lm();
  folder.config["arch"]["intermed_type"] = "ff";
  folder.config["arch"]["intermed_size"] = 0;
  for (const std::string layer : {"encoder.layers.0.", "encoder.layers.1."}) {
    for (const char* name : {"ffn.linear_in.weight", "ffn.linear_in.bias", "ffn.linear_out.weight"}) {
      folder.remove(layer + name);
    }
    folder.tensors.push_back({layer + "ffn.dense_in.weight", Tensor::empty({0, 8})});
    folder.tensors.push_back({layer + "ffn.dense_out.weight", Tensor::empty({8, 0})});
  }
  const TempDir dir;
  for (const NamedTensor& tensor : read_back(folder, dir).tensors) {
    CHECK(tensor.name.find("norm2") == std::string::npos);
  }
  check_round_trip(folder);
}

TEST_CASE("of the tied tensors either may be missing; the decoder wins") {
  const TempDir dir;
  const HfFolder both = testing::small_masked_lm();
  const std::uint64_t checksum = weights_checksum(read_back(both, dir).tensors);
  for (const char* name : {"decoder.weight", "encoder.embedding.word_embedding.weight"}) {
    HfFolder one = both;
    one.remove(name);
    const HfModel model = read_back(one, dir);
    CHECK(weights_checksum(model.tensors) == checksum);
    CHECK(model.warnings.empty());
    write_hf_model(dir / "out", model);
    CHECK(SafetensorsReader(dir / "out" / "model.safetensors").contains(name));
  }
  HfFolder neither = both;
  neither.remove("decoder.weight");
  neither.remove("encoder.embedding.word_embedding.weight");
  CHECK(error_of_reading(neither).find(
            "tensor `encoder.embedding.word_embedding.weight` [450,8] is missing") != std::string::npos);

  HfFolder differing = both;
  differing.tensor("decoder.weight").value = testing::random_tensor({450, 8}, 123);
  const HfModel model = read_back(differing, dir);
  REQUIRE(model.warnings.size() == 1);
  CHECK(model.warnings[0].find("are tied but differ; the decoder was taken") != std::string::npos);
  CHECK(model.tensors[0].value.to_vector() == differing.tensor("decoder.weight").value.to_vector());
}

TEST_CASE("model_config.json has the architecture at its top, with the vocabulary left open") {
  const TempDir dir;
  HfFolder folder = testing::small_masked_lm();
  folder.write(dir / "in");
  const std::uint64_t checksum = weights_checksum(read_hf_model(dir / "in").tensors);
  std::filesystem::remove(dir / "in" / "config.json");
  Json arch = folder.config["arch"];
  arch["embedding"]["vocab_size"] = nullptr;
  write_text_atomically(dir / "in" / "model_config.json", json_text(arch));
  const HfModel model = read_hf_model(dir / "in");
  CHECK(model.arch.embedding.vocab_size == 450);
  CHECK(weights_checksum(model.tensors) == checksum);
  write_hf_model(dir / "out", model);
  CHECK(read_json(dir / "out" / "config.json")["arch"]["embedding"]["vocab_size"] == 450);
  // The original's own loader reads this file.
  CHECK(read_json(dir / "out" / "model_config.json") == read_json(dir / "out" / "config.json")["arch"]);
}

TEST_CASE("several files with an index") {
  const TempDir dir;
  const HfFolder folder = testing::small_masked_lm();
  folder.write(dir / "in");
  const std::uint64_t checksum = weights_checksum(read_hf_model(dir / "in").tensors);
  std::filesystem::remove(dir / "in" / "model.safetensors");
  std::vector<SafetensorsEntry> parts[2];
  Json map = Json::object();
  for (std::size_t i = 0; i < folder.tensors.size(); ++i) {
    parts[i % 2].push_back(folder.tensors[i]);
    map[folder.tensors[i].name] =
        i % 2 == 0 ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  write_safetensors(dir / "in" / "model-00001-of-00002.safetensors", parts[0]);
  write_safetensors(dir / "in" / "model-00002-of-00002.safetensors", parts[1]);
  const Json index = {{"metadata", {{"total_size", 1}}}, {"weight_map", map}};
  write_text_atomically(dir / "in" / "model.safetensors.index.json", json_text(index));
  CHECK(weights_checksum(read_hf_model(dir / "in").tensors) == checksum);
}

TEST_CASE("classifiers: labels, head and poolers") {
  const TempDir dir;
  HfFolder folder = testing::small_classifier(3);
  HfModel model = read_back(folder, dir);
  REQUIRE(model.classifier);
  CHECK(model.classifier->labels == 3);
  CHECK(model.classifier->head_dim == 6);
  CHECK(model.classifier->pooler == nn::Pooler::kAverage);
  CHECK(joined(model.labels) == "class 0\nclass 1\nclass 2\n");

  folder.config["arch"]["classification_head"]["pooler"] = "zero_index";
  folder.config.erase("id2label");
  model = read_back(folder, dir);
  CHECK(model.classifier->pooler == nn::Pooler::kFirst);
  CHECK(joined(model.labels) == "LABEL_0\nLABEL_1\nLABEL_2\n");

  // transformers leaves out both where there are two classes.
  folder = testing::small_classifier(2);
  folder.config.erase("id2label");
  folder.config.erase("num_labels");
  CHECK(read_back(folder, dir).classifier->labels == 2);

  folder.config["arch"]["classification_head"]["pooler"] = "lse";
  CHECK(error_of_reading(folder).find("classification_head.pooler: \"lse\" is not supported") !=
        std::string::npos);
  folder = testing::small_classifier(3);
  folder.config["id2label"].erase("2");
  CHECK(error_of_reading(folder).find("tensor `head.weight` must be [2,6] for this config, found [3,6]") !=
        std::string::npos);
  folder.config["id2label"] = {{"0", "a"}, {"2", "b"}};
  CHECK(error_of_reading(folder).find("id2label: the key \"1\" is missing") != std::string::npos);
}

TEST_CASE("classifiers: a loss that the head does not have is refused") {
  const TempDir dir;
  HfFolder folder = testing::small_classifier(3);
  folder.config["problem_type"] = "single_label_classification";
  CHECK(read_back(folder, dir).classifier->labels == 3);
  for (const char* type : {"multi_label_classification", "regression"}) {
    folder.config["problem_type"] = type;
    const std::string error = error_of_reading(folder);
    INFO(error);
    CHECK(error.find("config.json: problem_type: \"" + std::string(type) +
                     "\" with 3 labels is not supported") != std::string::npos);
  }
  folder = testing::small_classifier(1);
  folder.config["problem_type"] = "regression";
  CHECK(read_back(folder, dir).classifier->labels == 1);
}

}  // namespace
}  // namespace espalier::io
