// Vectors as sentence-transformers' files ask for them.
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/io/hf_model.h"
#include "espalier/model/exchange.h"
#include "espalier/model/inference.h"
#include "tests/support/stock_folder.h"
#include "tests/support/support.h"

namespace espalier::model {
namespace {

using io::SentencePooling;
using testing::TempDir;

// A folder of sentence-transformers around a small BertModel.
void write_sentence_folder(const TempDir& dir) {
  testing::stock_folder("BertModel").write(dir / "in");
  dir.write("in/modules.json", R"([
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  std::filesystem::create_directories(dir / "in" / "1_Pooling");
  dir.write("in/1_Pooling/config.json",
            R"({"word_embedding_dimension": 8, "pooling_mode_cls_token": false,
                "pooling_mode_mean_tokens": false, "pooling_mode_max_tokens": true})");
  dir.write("in/sentence_bert_config.json", R"({"max_seq_length": 6, "do_lower_case": false})");
  dir.write("in/config_sentence_transformers.json",
            R"({"prompts": {"query": "a map ", "passage": "the garden "}, "default_prompt_name": null})");
}

Tensor states(LoadedModel& model, const std::string& text) {
  const std::vector<std::int32_t> ids = model.require_tokenizer().encode_with_types(text).ids;
  const NoGradGuard no_grad;
  nn::ForwardContext context;
  return model.encoder()
      .forward({IntTensor::from({1, static_cast<std::int64_t>(ids.size())}, ids)}, context)
      .value();
}

TEST_CASE("a sentence-transformers folder says how its vectors are made") {
  const TempDir dir;
  write_sentence_folder(dir);
  import_model(dir / "in", dir / "a.h5");
  for (const std::string source : {"in", "a.h5"}) {
    INFO(source);
    LoadedModel model = load_model(dir / source);
    EmbeddingOptions options = embedding_options(model);
    CHECK(options.pooling == SentencePooling::kMax);
    CHECK(options.normalize);
    CHECK(options.max_length == 6);
    CHECK(options.dimensions == 8);
    CHECK(options.prompt.empty());
    CHECK(embedding_options(model, "passage").prompt == "the garden ");
    CHECK(testing::error_of([&] {
            embedding_options(model, "other");
          }).find("there is no prompt \"other\"; its prompts are query, passage") != std::string::npos);
    const std::vector<std::string> texts = {"the tree", "the tree and the garden and a map"};
    CHECK(embed(model, texts, options, {}).truncated == 1);

    options.normalize = false;
    const Tensor hidden = states(model, "the tree");
    const std::int64_t length = hidden.shape()[1];
    const Tensor max = embed(model, texts, options, {}).values;
    options.pooling = SentencePooling::kMeanSqrtLength;
    const Tensor root = embed(model, texts, options, {}).values;
    options.normalize = true;
    const Tensor unit = embed(model, texts, options, {}).values;
    double square = 0;
    for (std::int64_t i = 0; i < 8; ++i) {
      float greatest = hidden.data()[i];
      double sum = 0;
      for (std::int64_t p = 0; p < length; ++p) {
        greatest = std::max(greatest, hidden.data()[p * 8 + i]);
        sum += static_cast<double>(hidden.data()[p * 8 + i]);
      }
      CHECK(max.data()[i] == doctest::Approx(static_cast<double>(greatest)).epsilon(1e-5));
      CHECK(root.data()[i] == doctest::Approx(sum / std::sqrt(static_cast<double>(length))).epsilon(1e-4));
      square += static_cast<double>(unit.data()[i]) * static_cast<double>(unit.data()[i]);
    }
    CHECK(square == doctest::Approx(1.0));
    // The first numbers, of the whole vector's length.
    options.dimensions = 3;
    const Tensor cut = embed(model, texts, options, {}).values;
    CHECK(cut.shape() == Shape{2, 3});
    for (std::int64_t i = 0; i < 3; ++i) CHECK(cut.data()[3 + i] == unit.data()[8 + i]);
    options.dimensions = 0;
    options.prompt = "the ";
    const std::vector<std::string> rest = {"tree"};
    // Alone in its batch a text may round otherwise, as the instruction set goes.
    const Tensor alone = embed(model, rest, options, {}).values;
    for (std::int64_t i = 0; i < 8; ++i) {
      CHECK(alone.data()[i] == doctest::Approx(static_cast<double>(unit.data()[i])).epsilon(1e-5));
    }
  }
}

TEST_CASE("the files of sentence-transformers come out as they went in, and an export is replaced") {
  const TempDir dir;
  write_sentence_folder(dir);
  import_model(dir / "in", dir / "a.h5");
  export_model(dir / "a.h5", dir / "out");
  export_model(dir / "a.h5", dir / "out");
  for (const char* name : {"modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                           "config_sentence_transformers.json"}) {
    INFO(name);
    CHECK(io::read_json(dir / "out" / name) == io::read_json(dir / "in" / name));
  }
  std::filesystem::create_directories(dir / "out" / "2_More");
  dir.write("out/2_More/notes.txt", "mine");
  CHECK(testing::error_of([&] { export_model(dir / "a.h5", dir / "out"); }).find("but also 2_More") !=
        std::string::npos);
}

TEST_CASE("the length of a sentence-transformers folder counts, not that of its tokenizer.json") {
  const TempDir dir;
  write_sentence_folder(dir);
  io::Json tokenizer = io::read_json(dir / "in" / "tokenizer.json");
  tokenizer["truncation"] = {{"max_length", 20}};
  dir.write("in/tokenizer.json", io::json_text(tokenizer));
  const std::vector<std::string> warnings = io::read_hf_model(dir / "in").warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("truncation to 20 tokens: not applied; texts are cut where the model ends, at 6 "
                         "tokens") != std::string::npos);
}

TEST_CASE("lower-casing comes before a tokenizer that does not, and other models have no prompts") {
  const TempDir dir;
  write_sentence_folder(dir);
  io::Json tokenizer = io::read_json(dir / "in" / "tokenizer.json");
  tokenizer["normalizer"] = nullptr;
  dir.write("in/tokenizer.json", io::json_text(tokenizer));
  const auto ids = [&] { return load_model(dir / "in").require_tokenizer().encode("The TREE"); };
  const std::vector<std::int32_t> cased = ids();
  dir.write("in/sentence_bert_config.json", R"({"max_seq_length": 6, "do_lower_case": true})");
  CHECK(ids() != cased);
  CHECK(ids() == load_model(dir / "in").require_tokenizer().encode("the tree"));
  std::filesystem::remove(dir / "in" / "modules.json");
  const LoadedModel plain = load_model(dir / "in");
  CHECK(embedding_options(plain).pooling == SentencePooling::kMean);
  CHECK(embedding_options(plain).max_length == 32);
  CHECK(testing::error_of([&] { embedding_options(plain, "query"); }).find("the model has none") !=
        std::string::npos);
}

}  // namespace
}  // namespace espalier::model
