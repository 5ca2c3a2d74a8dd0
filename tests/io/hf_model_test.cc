#include "espalier/io/hf_model.h"

#include <doctest/doctest.h>

#include <cstring>
#include <map>

#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::TempDir;

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

HfModel read_back(const HfFolder& folder, const TempDir& dir) {
  folder.write(dir / "in");
  return read_hf_model(dir / "in");
}

std::string error_of_reading(const HfFolder& folder) {
  const TempDir dir;
  return testing::error_of([&] { read_back(folder, dir); });
}

// All tensors as the bytes in the file, with type and shape.
std::map<std::string, std::string> stored(const std::filesystem::path& folder) {
  const SafetensorsReader reader(folder / "model.safetensors");
  std::map<std::string, std::string> all;
  for (const std::string& name : reader.names()) {
    const SafetensorsInfo& info = reader.info(name);
    std::string bytes = std::string(dtype_name(info.dtype)) + info.shape.str() + ":";
    if (info.dtype == DType::kI64) {
      for (const std::int64_t value : reader.read_ints(name)) bytes += std::to_string(value) + ",";
    } else {
      const std::vector<float> values = reader.read_floats(name);
      bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    }
    all[name] = bytes;
  }
  return all;
}

// Folder -> model -> JSON of its source and back -> folder.
void check_round_trip(const HfFolder& folder) {
  const TempDir dir;
  HfModel model = read_back(folder, dir);
  model.source = hf_source_from_json(parse_json(json_text(hf_source_json(model.source)), "source"), "source");
  write_hf_model(dir / "out", model);
  const auto before = stored(dir / "in");
  const auto after = stored(dir / "out");
  for (const auto& [name, bytes] : before) {
    INFO(name);
    REQUIRE(after.contains(name));
    CHECK((after.at(name) == bytes));
  }
  CHECK(read_json(dir / "out" / "config.json") == read_json(dir / "in" / "config.json"));
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}) {
    CHECK(read_json(dir / "out" / name) == read_json(dir / "in" / name));
  }
  // What was written reads as the same model.
  const HfModel again = read_hf_model(dir / "out");
  CHECK(weights_checksum(again.tensors) == weights_checksum(model.tensors));
}

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
  for (const NamedTensor& tensor : model.tensors) {
    if (tensor.name != "encoder.layers.0.ffn.linear_out.weight_t") continue;
    for (std::int64_t node = 0; node < 7; ++node) {
      for (std::int64_t i = 0; i < 8; ++i) {
        CHECK(tensor.value.data()[node * 8 + i] == theirs.data()[i * 7 + node]);
      }
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

TEST_CASE("what cannot be computed exactly is refused, naming key and value") {
  struct Refused {
    const char* pointer;
    Json value;
    const char* message;
  };
  const std::vector<Refused> all = {
      {"/model_type", "bert", "config.json: model_type: \"bert\" is not supported, only \"crammedBERT\""},
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
  dir.write("in/pytorch_model.bin", "pickle");
  const std::string error = testing::error_of([&] { read_hf_model(dir / "in"); });
  CHECK(
      error.find("is a Python pickle, which is not read; convert it once with\npython3 -c \"import torch") !=
      std::string::npos);
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

TEST_CASE("a model of our own gets a complete config, and 16-bit weights where asked") {
  const TempDir dir;
  HfModel model = read_back(testing::small_classifier(3), dir);
  model.source = {};
  model.labels = {"bad", "fair", "good"};
  write_hf_model(dir / "out", model, {DType::kBF16, "card\n"});
  const Json config = read_json(dir / "out" / "config.json");
  CHECK(config["architectures"] == Json::array({"ScriptableLMForSequenceClassification"}));
  CHECK(config["torch_dtype"] == "bfloat16");
  CHECK(config["num_labels"] == 3);
  CHECK(config["id2label"]["2"] == "good");
  CHECK(config["label2id"]["fair"] == 1);
  CHECK(config["problem_type"] == "single_label_classification");
  // Every key that the original's crammed-bert-fff.yaml has.
  const Json expected = testing::small_masked_lm().config["arch"];
  for (const auto& item : expected.items()) {
    INFO(item.key());
    CHECK(config["arch"].contains(item.key()));
    if (item.value().is_object()) {
      for (const auto& inner : item.value().items()) {
        INFO(inner.key());
        CHECK(config["arch"][item.key()].contains(inner.key()));
      }
    } else if (item.key() != "num_labels") {
      CHECK(config["arch"][item.key()] == item.value());
    }
  }
  CHECK(testing::read_text(dir / "out" / "README.md") == "card\n");
  const Json tokenizer = read_json(dir / "out" / "tokenizer_config.json");
  CHECK(tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast");
  CHECK(tokenizer["model_max_length"] == 32);
  CHECK(tokenizer["mask_token"] == "<mask>");
  CHECK(tokenizer["added_tokens_decoder"]["0"]["content"] == "<pad>");
  const SafetensorsReader written(dir / "out" / "model.safetensors");
  for (const std::string& name : written.names()) CHECK(written.info(name).dtype == DType::kBF16);
}

TEST_CASE("an earlier export is replaced; other folders are left alone") {
  const TempDir dir;
  const HfModel model = read_back(testing::small_masked_lm(), dir);
  std::filesystem::create_directories(dir / "out");
  write_hf_model(dir / "out/", model);  // an empty folder, named with a slash
  write_hf_model(dir / "out", model, {std::nullopt, "second"});
  CHECK(testing::read_text(dir / "out" / "README.md") == "second");

  dir.write("out/notes.txt", "mine");
  CHECK(testing::error_of([&] { write_hf_model(dir / "out", model); }).find("but also notes.txt") !=
        std::string::npos);
  CHECK(testing::error_of([&] { write_hf_model(dir / "in", model); }).find("holds no earlier export") !=
        std::string::npos);
  CHECK(testing::error_of([&] { write_hf_model(dir / "out" / "notes.txt", model); }).find("is a file") !=
        std::string::npos);
  CHECK(testing::read_text(dir / "out" / "notes.txt") == "mine");
  // No temporary is left.
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++entries;
  CHECK(entries == 2);
}

TEST_CASE("values too large for float16 are refused, and nothing is left behind") {
  const TempDir dir;
  HfFolder folder = testing::small_masked_lm();
  folder.tensor("encoder.final_norm.bias").value.data()[2] = 1e5F;
  const HfModel model = read_back(folder, dir);
  CHECK(testing::error_of([&] {
          write_hf_model(dir / "out", model, {DType::kF16, ""});
        }).find("too large for F16") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "out"));
}

TEST_CASE("what the original has no counterpart for is not exported") {
  nn::CrammedBertOptions arch;
  arch.ffn.type = nn::FeedForwardType::kLeafTree;
  CHECK(testing::error_of([&] { require_exportable(arch); }).find("arch.ffn.type: leaf_tree") !=
        std::string::npos);
  arch = {};
  arch.attention.rotary = true;
  arch.embedding.max_positions = 2048;
  CHECK(testing::error_of([&] { require_exportable(arch); }).find("arch.embedding.max_positions: 2048") !=
        std::string::npos);
}

}  // namespace
}  // namespace espalier::io
