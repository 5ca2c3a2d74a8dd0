// Folders in int8: what lies in them, and what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "espalier/io/hf_model.h"
#include "espalier/io/model_tensors.h"
#include "espalier/ops/quantized.h"
#include "io/hf_int8.h"
#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::TempDir;
using namespace hf_testing;

nn::EncoderOptions bert_arch() {
  nn::EncoderOptions arch = small_bert();
  arch.ffn.width = 12;
  arch.pooler = true;
  return arch;
}

HfModel random_model(const nn::EncoderOptions& arch) {
  HfModel model;
  model.arch = arch;
  unsigned seed = 1;
  visit_model_tensors(arch, nullptr, [&](const std::string& name, const Shape& shape) {
    model.tensors.push_back({name, testing::random_tensor(shape, seed++)});
  });
  model.tokenizer_json = testing::read_text(testing::golden_path("tokenizer.json"));
  return model;
}

void write_int8(const std::filesystem::path& folder, const HfModel& model) {
  write_hf_model(folder, model, {DType::kI8, ""});
}

// What reading says after a change of the tensors' file.
std::string error_of_tensors(const std::function<void(std::vector<SafetensorsEntry>&)>& change) {
  const TempDir dir;
  write_int8(dir / "in", random_model(small_trees()));
  const SafetensorsReader reader(dir / "in" / "model.safetensors");
  std::vector<SafetensorsEntry> entries;
  for (const std::string& name : reader.names()) {
    if (reader.info(name).dtype == DType::kI8) {
      entries.push_back({name, Tensor(), DType::kI8, reader.read_bytes(name)});
    } else {
      entries.push_back({name, reader.read(name)});
    }
  }
  change(entries);
  write_safetensors(dir / "in" / "model.safetensors", entries);
  const std::string error = testing::error_of([&] { read_hf_model(dir / "in", HfInt8::kKeep); });
  const std::string where = (dir / "in" / "model.safetensors").string() + ": ";
  return error.starts_with(where) ? error.substr(where.size()) : error;
}

SafetensorsEntry& entry(std::vector<SafetensorsEntry>& entries, const std::string& name) {
  for (SafetensorsEntry& one : entries) {
    if (one.name == name) return one;
  }
  FAIL("no " << name);
  return entries[0];
}

std::string error_of_config(const std::function<void(Json&)>& change) {
  const TempDir dir;
  write_int8(dir / "in", random_model(small_trees()));
  Json config = read_json(dir / "in" / "config.json");
  change(config["quantization_config"]);
  dir.write("in/config.json", json_text(config));
  return testing::error_of([&] { read_hf_model(dir / "in", HfInt8::kKeep); });
}

constexpr const char* kDense = "encoder.layers.1.attn.dense.weight";

}  // namespace

TEST_CASE("int8: a crammed BERT is written for our modules, its matrices as quantize() makes them") {
  const TempDir dir;
  const HfModel model = random_model(small_trees());
  write_int8(dir / "out", model);
  const Json config = read_json(dir / "out" / "config.json");
  CHECK(config.at("model_type") == "espalier");
  CHECK(config.at("torch_dtype") == "float32");
  const Json quantization = config.at("quantization_config");
  CHECK(quantization.at("quant_method") == "compressed-tensors");
  CHECK(quantization.at("format") == "int-quantized");
  const SafetensorsReader file(dir / "out" / "model.safetensors");
  CHECK(file.info(kDense).dtype == DType::kI8);
  CHECK(file.info(kDense).shape == Shape{8, 8});
  CHECK(file.info("encoder.layers.1.attn.dense.weight_scale").dtype == DType::kF32);
  CHECK(file.info("encoder.layers.1.attn.dense.weight_scale").shape == Shape{8, 1});
  CHECK(file.info("encoder.layers.0.ffn.linear_out.weight_t").dtype == DType::kI8);
  CHECK(file.info("encoder.layers.0.ffn.linear_in.bias").dtype == DType::kF32);
  CHECK(file.info("encoder.final_norm.weight").dtype == DType::kF32);

  const HfModel back = read_hf_model(dir / "out", HfInt8::kKeep);
  CHECK(back.tensors.size() + back.bytes.size() == model.tensors.size());
  CHECK(back.bytes.size() == 1 + 2 * 4);
  for (const NamedTensor& tensor : model.tensors) {
    INFO(tensor.name);
    for (const NamedTensor& one : back.tensors) {
      if (one.name == tensor.name) CHECK(one.value.to_vector() == tensor.value.to_vector());
    }
    for (const NamedBytes& one : back.bytes) {
      if (one.name != tensor.name) continue;
      const ByteMatrix expected = ops::quantize(tensor.value);
      CHECK(one.value.bytes.to_vector() == expected.bytes.to_vector());
      CHECK(one.value.scales.to_vector() == expected.scales.to_vector());
    }
  }
}

TEST_CASE("int8: BERT and DistilBERT, with queries, keys and values apart, come back") {
  for (const std::int64_t types : {2, 0}) {
    const TempDir dir;
    nn::EncoderOptions arch = bert_arch();
    arch.embedding.token_types = types;
    arch.pooler = types > 0;
    const HfModel model = random_model(arch);
    write_int8(dir / "out", model);
    const Json config = read_json(dir / "out" / "config.json");
    CHECK(config.at("model_type") == (types > 0 ? "bert" : "distilbert"));
    const HfModel back = read_hf_model(dir / "out", HfInt8::kDequantize);
    CHECK(back.bytes.empty());
    REQUIRE(back.tensors.size() == model.tensors.size());
    const std::set<std::string> in_bytes = tensors_in_bytes(model);
    CHECK(in_bytes.size() == 1 + 2 * 4 + 1);
    CHECK_FALSE(in_bytes.contains("pooler.dense.weight"));  // of a masked LM: carried along
    for (std::size_t i = 0; i < model.tensors.size(); ++i) {
      const NamedTensor& tensor = model.tensors[i];
      INFO(tensor.name);
      CHECK(back.tensors[i].name == tensor.name);
      const bool bytes = in_bytes.contains(tensor.name);
      const Tensor expected = bytes ? ops::dequantize(ops::quantize(tensor.value)) : tensor.value;
      CHECK(back.tensors[i].value.to_vector() == expected.to_vector());
    }
    // What was made of it is an ordinary model again.
    write_hf_model(dir / "again", back);
    CHECK_FALSE(read_json(dir / "again" / "config.json").contains("quantization_config"));
    CHECK(read_hf_model(dir / "again").tensors[0].value.to_vector() == back.tensors[0].value.to_vector());
  }
}

TEST_CASE("int8: what is computed in float32 stays so: leaf trees, shallow forests, mixtures") {
  nn::EncoderOptions arch = small_trees();
  arch.ffn.depth = 0;
  CHECK(tensors_in_bytes(random_model(arch)).size() == 1 + 2 * 2);
  arch.ffn = {.type = nn::FeedForwardType::kLeafTree, .depth = 2, .leaf_width = 3};
  CHECK(tensors_in_bytes(random_model(arch)).size() == 1 + 2 * 2);
  HfModel soft = random_model(small_trees());
  soft.own["routing"]["mode"] = "soft";
  CHECK(tensors_in_bytes(soft).size() == 1 + 2 * 2);
  soft.own["routing"]["mode"] = "anneal";
  CHECK(tensors_in_bytes(soft).size() == 1 + 2 * 4);
}

TEST_CASE("int8: a folder is refused where nobody asked for it, and by the original's layout") {
  const TempDir dir;
  const HfModel model = random_model(small_trees());
  write_int8(dir / "out", model);
  const std::string error = testing::error_of([&] { read_hf_model(dir / "out"); });
  CHECK(error.find("its weights are int8: evaluate, fill-mask, classify, embed and trees use") !=
        std::string::npos);
  CHECK(error.find("espalier import --dequantize " + (dir / "out").string()) != std::string::npos);
  CHECK(testing::error_of([&] {
          write_hf_model(dir / "original", model, {DType::kI8, "", HfFormat::kOriginal});
        }) == "export: --format original: --dtype int8: the original's code has no quantized weights");
  HfModel broken = random_model(small_trees());
  broken.tensors.back().value.data()[0] = 1;
  for (NamedTensor& tensor : broken.tensors) {
    if (tensor.name == kDense) tensor.value.data()[9] = NAN;
  }
  CHECK(testing::error_of([&] { write_int8(dir / "broken", broken); }) ==
        std::string(kDense) + ": row 1 holds NaN or infinity, which int8 cannot express");
  CHECK_FALSE(std::filesystem::exists(dir / "broken"));
}

TEST_CASE("int8: damage is named") {
  const std::string scale = std::string(kDense) + "_scale";
  CHECK(error_of_tensors([&](auto& entries) {
          std::erase_if(entries, [&](const SafetensorsEntry& one) { return one.name == scale; });
        }) == "tensor `" + scale + "` [8,1] is missing, the scales of the rows of `" + kDense +
                  "`: the file is not whole");
  CHECK(error_of_tensors([&](auto& entries) { entry(entries, scale).value = Tensor::full({8}, 1); }) ==
        "tensor `" + scale + "` must be [8,1] for this config, found [8]");
  CHECK(error_of_tensors([&](auto& entries) {
          entry(entries, scale) = {scale, Tensor::full({8, 1}, 1), DType::kI64};
        }).find("tensor `" + scale + "` must be F32, F16 or BF16, found I64") != std::string::npos);
  for (const float bad : {NAN, -1.0F, INFINITY}) {
    const std::string found = std::isnan(bad) ? "nan" : bad < 0 ? "-1" : "inf";
    CHECK(error_of_tensors([&](auto& entries) { entry(entries, scale).value.data()[3] = bad; }) ==
          "tensor `" + scale + "`: row 3 is " + found +
              ", expected a finite number at least 0: the file is damaged");
  }
  CHECK(error_of_tensors([&](auto& entries) {
          entry(entries, kDense).bytes = ByteTensor::zeros({8, 7});
        }) == "tensor `" + std::string(kDense) + "` must be [8,8] for this config, found [8,7]");
  CHECK(error_of_tensors([&](auto& entries) {
          entries.push_back({"encoder.final_norm.bias_scale", Tensor::full({8, 1}, 1)});
        }).find("encoder.final_norm.bias_scale") != std::string::npos);
  const std::string in = "encoder.layers.0.ffn.linear_in.weight";
  const auto as_floats = [&](auto& entries) {
    std::erase_if(entries, [&](const SafetensorsEntry& one) { return one.name == in + "_scale"; });
    SafetensorsEntry& one = entry(entries, in);
    one = {in, Tensor::full(one.shape(), 1)};
  };
  CHECK(error_of_tensors(as_floats) ==
        "`encoder.layers.0.ffn.linear_out.weight_t` is I8, but `" + in + "` is not: the two must be alike");
}

TEST_CASE("int8: bytes where float32 is computed, a cut file, another quantization") {
  const TempDir dir;
  nn::EncoderOptions arch = bert_arch();
  write_int8(dir / "in", random_model(arch));
  const std::filesystem::path weights = dir / "in" / "model.safetensors";
  std::filesystem::resize_file(weights, std::filesystem::file_size(weights) - 1);
  CHECK(testing::error_of([&] {
          read_hf_model(dir / "in", HfInt8::kKeep);
        }).find("(the bytes in the file)") != std::string::npos);
  CHECK(error_of_config([](Json& json) { json["quant_method"] = "gptq"; })
            .find("quantization_config.quant_method: expected \"compressed-tensors\", found \"gptq\": of "
                  "quantized models only") != std::string::npos);
  CHECK(error_of_config([](Json& json) { json["format"] = "pack-quantized"; }).find("format") !=
        std::string::npos);
  CHECK(error_of_config([](Json& json) {
          json["config_groups"]["group_0"]["weights"]["num_bits"] = 4;
        }).find("weights.num_bits: expected 8, found 4") != std::string::npos);
  CHECK(error_of_config([](Json& json) {
          json["config_groups"]["group_0"]["input_activations"] = Json();
        }).find("input_activations") != std::string::npos);
  CHECK(error_of_config([](Json& json) { json["config_groups"] = 3; }).find("config_groups") !=
        std::string::npos);
  CHECK(error_of_config([](Json& json) { json = Json(); }).find("must be F32, F16 or BF16, found I8") !=
        std::string::npos);
}

}  // namespace espalier::io
