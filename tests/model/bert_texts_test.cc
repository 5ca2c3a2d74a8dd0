// What transformers' tokenizers and pipelines make of texts with the folders of tests/golden/bert.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "espalier/io/json.h"
#include "espalier/io/safetensors.h"
#include "espalier/model/fill_masks.h"
#include "espalier/model/inference.h"
#include "espalier/model/text_encoding.h"
#include "tests/support/support.h"

namespace espalier::model {
namespace {

const std::vector<std::string> kWithTexts = {"bert_model", "bert_masked_lm", "bert_classifier",
                                             "distilbert_masked_lm", "distilbert_classifier"};

io::Json expected_of(const std::string& name) {
  return io::read_json(testing::golden_path("bert/" + name) / "expected.json");
}

LoadedModel model_of(const std::string& name) {
  return load_model(testing::golden_path("bert/" + name));
}

void check_close(double ours, double expected) {
  CHECK(std::abs(ours - expected) <= 1e-6 + 2e-6 * std::abs(expected));
}

// To a few roundings of the greatest entry.
void check_rows(const Tensor& ours, const Tensor& expected) {
  REQUIRE(ours.shape() == expected.shape());
  double greatest = 0, difference = 0;
  for (std::size_t i = 0; i < ours.span().size(); ++i) {
    const double entry = double{expected.span()[i]};
    greatest = std::max(greatest, std::abs(entry));
    difference = testing::larger_error(difference, std::abs(double{ours.span()[i]} - entry));
  }
  CHECK(difference <= 1e-6 * greatest);
}

void check_prediction(const MaskPrediction& ours, const io::Json& expected) {
  check_close(ours.score, expected.at("score").get<double>());
  CHECK(ours.token == expected.at("token").get<std::int32_t>());
  CHECK(ours.token_str == expected.at("token_str").get<std::string>());
  CHECK(ours.sequence == expected.at("sequence").get<std::string>());
}

}  // namespace

TEST_CASE("texts and pairs: ids, types, tokens, cut to the model's positions") {
  for (const std::string& name : kWithTexts) {
    INFO(name);
    const LoadedModel model = model_of(name);
    const text::Tokenizer& tokenizer = model.require_tokenizer();
    const io::Json rows = expected_of(name).at("texts");
    for (const io::Json& row : rows) {
      INFO(row.dump());
      std::optional<std::string> pair;
      if (!row.at("pair").is_null()) pair = row.at("pair").get<std::string>();
      const text::Encoding encoded =
          encode_texts(tokenizer, row.at("text").get<std::string>(), pair, single_encoding(model.arch),
                       model.arch.embedding.max_positions);
      CHECK(encoded.ids == row.at("ids").get<testing::Ids>());
      CHECK(encoded.type_ids ==
            (row.at("types").is_null() ? testing::Ids() : row.at("types").get<testing::Ids>()));
      testing::Strings tokens;
      for (const std::int32_t id : encoded.ids) tokens.emplace_back(tokenizer.token(id));
      CHECK(tokens == row.at("tokens").get<testing::Strings>());
    }
  }
}

TEST_CASE("embeddings: the mean of the positions, and the first") {
  for (const std::string& name : kWithTexts) {
    INFO(name);
    LoadedModel model = model_of(name);
    const io::SafetensorsReader tensors(testing::golden_path("bert/" + name) / "expected.safetensors");
    const Tensor means = tensors.read("texts/mean");
    testing::Strings texts;
    const io::Json rows = expected_of(name).at("texts");
    for (const io::Json& row : rows) texts.push_back(row.at("text").get<std::string>());
    texts.resize(static_cast<std::size_t>(means.shape()[0]));
    EmbeddingOptions options = embedding_options(model);
    check_rows(embed(model, texts, options, {}).values, means);
    options.pooling = io::SentencePooling::kFirst;
    check_rows(embed(model, texts, options, {}).values, tensors.read("texts/first"));
  }
}

TEST_CASE("the fill-mask pipeline") {
  for (const std::string name : {"bert_masked_lm", "distilbert_masked_lm"}) {
    INFO(name);
    LoadedModel model = model_of(name);
    const io::Json rows = expected_of(name).at("fill_mask");
    for (const io::Json& row : rows) {
      INFO(row.at("text"));
      const testing::Strings texts = {row.at("text").get<std::string>()};
      const std::vector<std::vector<MaskPrediction>> masks = fill_masks(model, texts, 3, {})[0];
      // The pipeline gives a list for each mask where there are several.
      const io::Json expected =
          masks.size() == 1 ? io::Json::array({row.at("predictions")}) : row.at("predictions");
      REQUIRE(masks.size() == expected.size());
      for (std::size_t mask = 0; mask < masks.size(); ++mask) {
        REQUIRE(masks[mask].size() == expected[mask].size());
        for (std::size_t i = 0; i < masks[mask].size(); ++i)
          check_prediction(masks[mask][i], expected[mask][i]);
      }
    }
  }
}

TEST_CASE("the text-classification pipeline: texts and pairs, every class") {
  for (const std::string name : {"bert_classifier", "distilbert_classifier"}) {
    INFO(name);
    LoadedModel model = model_of(name);
    const io::Json rows = expected_of(name).at("classify");
    for (const io::Json& row : rows) {
      INFO(row.dump());
      TextPair text{row.at("text").get<std::string>(), {}};
      if (!row.at("text_pair").is_null()) text.pair = row.at("text_pair").get<std::string>();
      const Classification found = classify(model, std::vector<TextPair>{text}, {})[0];
      const io::Json& scores = row.at("scores");
      REQUIRE(found.probabilities.size() == scores.size());
      for (std::size_t i = 0; i < found.probabilities.size(); ++i) {
        check_close(found.probabilities[i], scores.at(model.labels.labels[i]).get<double>());
      }
      CHECK(scores.at(found.label).get<double>() == *std::max_element(scores.begin(), scores.end()));
    }
  }
}

}  // namespace espalier::model
