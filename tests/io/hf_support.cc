#include "tests/io/hf_support.h"

#include <doctest/doctest.h>

namespace espalier::io::hf_testing {

static nn::EncoderOptions shrunk(nn::EncoderOptions arch) {
  arch.layers = 2;
  arch.hidden_size = 8;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 450;
  arch.embedding.max_positions = 32;
  arch.ffn.depth = 2;
  return arch;
}

nn::EncoderOptions small_trees() {
  return shrunk({});
}

nn::EncoderOptions small_bert() {
  return shrunk(nn::bert_options());
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

HfModel read_back(const testing::HfFolder& folder, const testing::TempDir& dir) {
  folder.write(dir / "in");
  return read_hf_model(dir / "in");
}

std::string error_of_reading(const testing::HfFolder& folder) {
  const testing::TempDir dir;
  return testing::error_of([&] { read_back(folder, dir); });
}

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

void check_round_trip(const testing::HfFolder& folder) {
  const testing::TempDir dir;
  HfModel model = read_back(folder, dir);
  model.source = hf_source_from_json(parse_json(json_text(hf_source_json(model.source)), "source"), "source");
  write_hf_model(dir / "out", model);
  const auto before = stored(dir / "in");
  const auto after = stored(dir / "out");
  for (const auto& entry : before) {
    INFO(entry.first);
    REQUIRE(after.contains(entry.first));
    CHECK((after.at(entry.first) == entry.second));
  }
  CHECK(read_json(dir / "out" / "config.json") == read_json(dir / "in" / "config.json"));
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}) {
    CHECK(read_json(dir / "out" / name) == read_json(dir / "in" / name));
  }
  // What was written reads as the same model.
  const HfModel again = read_hf_model(dir / "out");
  CHECK(weights_checksum(again.tensors) == weights_checksum(model.tensors));
}

}  // namespace espalier::io::hf_testing
