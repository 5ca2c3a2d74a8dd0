// Writing a Hugging Face folder: a model of our own, and what may be replaced.
#include <doctest/doctest.h>

#include "espalier/io/hf_model.h"
#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::TempDir;
using namespace hf_testing;

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

}  // namespace
}  // namespace espalier::io
