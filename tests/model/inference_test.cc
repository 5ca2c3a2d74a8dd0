// ctest-label: threads
#include "espalier/model/inference.h"
#include "espalier/model/fill_masks.h"
#include "espalier/model/text_encoding.h"

#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/parallel.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::model {
namespace {

using testing::error_of;
using testing::HfFolder;
using testing::TempDir;

LoadedModel load(const HfFolder& folder) {
  const TempDir dir;
  folder.write(dir / "model");
  return load_model(dir / "model");
}

// Probabilities of the mask at `position` of one text alone, from the model itself.
std::vector<double> probabilities(LoadedModel& model, const std::vector<std::int32_t>& ids,
                                  std::int32_t position) {
  const NoGradGuard no_grad;
  nn::ForwardContext context;
  const IntTensor batch = IntTensor::from({1, static_cast<std::int64_t>(ids.size())}, ids);
  const Variable logits = model.lm->logits({batch}, {position}, context);
  std::vector<double> result;
  double sum = 0;
  for (const float logit : logits.value().span()) {
    result.push_back(std::exp(static_cast<double>(logit)));
    sum += result.back();
  }
  for (double& value : result) value /= sum;
  return result;
}

TEST_CASE("fill_masks: the most likely words of each mask, whatever the batch") {
  LoadedModel model = load(testing::small_masked_lm());
  const text::Tokenizer& tokenizer = model.require_tokenizer();
  std::vector<std::string> texts = {"the gardener <mask> the tree", "<mask>",
                                    "a <mask> map of the <mask> garden !"};
  for (int i = 0; i < 70; ++i) texts.push_back("the gardener saw <mask> tree");
  const auto results = fill_masks(model, texts, 4, {});
  REQUIRE(results.size() == texts.size());
  CHECK(results[0].size() == 1);
  REQUIRE(results[2].size() == 2);
  for (std::size_t text = 0; text < 4; ++text) {
    const std::vector<std::int32_t> ids = tokenizer.encode_with_types(texts[text]).ids;
    std::size_t mask = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] != tokenizer.mask_id()) continue;
      const std::vector<double> expected = probabilities(model, ids, static_cast<std::int32_t>(i));
      double before = 1;
      for (const MaskPrediction& prediction : results[text][mask]) {
        CHECK(prediction.score ==
              doctest::Approx(expected[static_cast<std::size_t>(prediction.token)]).epsilon(1e-5));
        CHECK(prediction.score <= before);
        before = prediction.score;
      }
      CHECK(results[text][mask].size() == 4);
      ++mask;
    }
  }
  // Texts in several batches of one length.
  for (std::size_t i = 4; i < texts.size(); ++i) {
    CHECK(results[i][0][0].token == results[3][0][0].token);
    CHECK(results[i][0][0].score == doctest::Approx(results[3][0][0].score).epsilon(1e-6));
  }
}

TEST_CASE("fill_masks: sequences are decoded as transformers' pipeline does") {
  LoadedModel model = load(testing::small_masked_lm());
  const text::Tokenizer& tokenizer = model.require_tokenizer();
  const std::vector<std::string> texts = {"don't <mask> the tree .", "the <mask> and the <mask>"};
  const auto results = fill_masks(model, texts, 450, {});
  REQUIRE(results[0][0].size() == 450);
  for (const MaskPrediction& prediction : results[0][0]) {
    const std::string token(tokenizer.token(prediction.token));
    if (tokenizer.is_special(prediction.token)) {
      CHECK(prediction.token_str == token);
      CHECK(prediction.sequence == "don't the tree.");
    } else if (token == "river" || token == "a") {
      CHECK(prediction.sequence == "don't " + token + " the tree.");
    }
  }
  // With several masks the other one and <sep> stay visible; a predicted <pad> is left out.
  bool pad_seen = false;
  for (const MaskPrediction& prediction : results[1][0]) {
    if (prediction.token_str == "a") CHECK(prediction.sequence == "the a and the <mask> <sep>");
    if (prediction.token_str != "<pad>") continue;
    CHECK(prediction.sequence == "the and the <mask> <sep>");
    pad_seen = true;
  }
  CHECK(pad_seen);
  model.clean_up_spaces = false;
  const auto raw = fill_masks(model, std::span(texts).first(1), 1, {});
  CHECK(raw[0][0][0].sequence.starts_with("don ' t"));
}

TEST_CASE("fill_masks refuses texts without a mask and texts that are too long") {
  LoadedModel model = load(testing::small_masked_lm());
  CHECK(error_of([&] { fill_masks(model, std::vector<std::string>{"no hole"}, 5, {}); }) ==
        "no <mask> to fill in the text \"no hole\"");
  std::string text = "<mask>";
  for (int i = 0; i < 40; ++i) text += " a";
  CHECK(error_of([&] {
          fill_masks(model, std::vector<std::string>{text}, 5, {});
        }).find("42 tokens, but the model reads at most 32: the text \"<mask> a a a") != std::string::npos);
  LoadedModel classifier = load(testing::small_classifier(2));
  CHECK(error_of([&] {
          fill_masks(classifier, std::vector<std::string>{"<mask>"}, 5, {});
        }).find("has no masked-LM head") != std::string::npos);
}

TEST_CASE("classify: a distribution over the labels; single texts are pairs with an empty second part") {
  LoadedModel model = load(testing::small_classifier(3));
  std::string lengthy;
  for (int i = 0; i < 50; ++i) lengthy += "tree ";
  const std::vector<TextPair> texts = {{"the tree", ""}, {"the tree", "a map"}, {lengthy, ""}, {"", ""}};
  const std::vector<Classification> results = classify(model, texts, {});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    double sum = 0;
    for (const double p : results[i].probabilities) sum += p;
    CHECK(sum == doctest::Approx(1.0));
    CHECK(results[i].truncated == (i == 2));
    const auto index = static_cast<std::size_t>(results[i].label.back() - '0');
    CHECK(results[i].score == results[i].probabilities.at(index));
  }
  CHECK(results[0].score != results[1].score);

  const text::Tokenizer& tokenizer = model.require_tokenizer();
  const std::vector<std::int32_t> ids = tokenizer.encode_with_types("the tree", "").ids;
  CHECK(tokenizer.find("<cls>") == ids.front());
  const NoGradGuard no_grad;
  nn::ForwardContext context;
  const IntTensor batch = IntTensor::from({1, static_cast<std::int64_t>(ids.size())}, ids);
  const Variable logits = model.classifier->forward({batch}, context);
  const float* z = logits.value().data();
  const double total = std::exp(double{z[0]}) + std::exp(double{z[1]}) + std::exp(double{z[2]});
  CHECK(results[0].probabilities[1] == doctest::Approx(std::exp(double{z[1]}) / total).epsilon(1e-6));
}

TEST_CASE("classify: a regression gives its value") {
  LoadedModel model = load(testing::small_classifier(1));
  CHECK(model.labels.regression);
  const std::vector<Classification> results = classify(model, std::vector<TextPair>{{"the tree", ""}}, {});
  CHECK(results[0].probabilities.empty());
  CHECK(results[0].label == "class 0");
  CHECK(std::isfinite(results[0].score));
}

TEST_CASE("embed: mean and first of the final states, the same for any number of threads") {
  LoadedModel model = load(testing::small_masked_lm());
  std::vector<std::string> texts = {"the tree", "a map of the garden", "", "the tree"};
  for (int i = 0; i < 80; ++i) texts.push_back(i % 3 == 0 ? "the gardener saw" : "a tree");
  const Embeddings mean = embed(model, texts, embedding_options(model), {});
  EmbeddingOptions of_first = embedding_options(model);
  of_first.pooling = io::SentencePooling::kFirst;
  const Embeddings first = embed(model, texts, of_first, {});
  CHECK(mean.values.shape() == Shape{84, 8});
  CHECK(mean.truncated == 0);
  CHECK(embed(model, texts, {}, {}).values.to_vector() == mean.values.to_vector());
  CHECK(embed(model, texts, {}, {}).truncated == 0);
  EmbeddingOptions too_long;
  too_long.dimensions = 9;
  CHECK(testing::error_of([&] {
          embed(model, texts, too_long, {});
        }).ends_with("a vector of 9 numbers is asked for, the model's has 8"));

  const std::vector<std::int32_t> ids = model.require_tokenizer().encode_with_types(texts[1]).ids;
  const NoGradGuard no_grad;
  nn::ForwardContext context;
  const std::int64_t length = static_cast<std::int64_t>(ids.size());
  const Tensor hidden = model.encoder().forward({IntTensor::from({1, length}, ids)}, context).value();
  for (std::int64_t i = 0; i < 8; ++i) {
    double sum = 0;
    for (std::int64_t p = 0; p < length; ++p) sum += static_cast<double>(hidden.data()[p * 8 + i]);
    CHECK(mean.values.data()[8 + i] == doctest::Approx(sum / static_cast<double>(length)).epsilon(1e-4));
    CHECK(first.values.data()[8 + i] == doctest::Approx(static_cast<double>(hidden.data()[i])).epsilon(1e-5));
  }
  const int threads = thread_count();
  for (const int count : {1, 2, 5}) {
    set_thread_count(count);
    CHECK(embed(model, texts, embedding_options(model), {}).values.to_vector() == mean.values.to_vector());
  }
  set_thread_count(threads);
}

TEST_CASE("soft routing needs trees and a temperature") {
  LoadedModel model = load(testing::small_masked_lm());
  CHECK(inference_routing(model, false).mode == ops::RoutingMode::kHard);
  CHECK(error_of([&] { inference_routing(model, false, 0.5); }).find("give --routing soft too") !=
        std::string::npos);
  CHECK(error_of([&] {
          inference_routing(model, true);
        }).find("was not trained softly (routing.mode: hard)") != std::string::npos);
  CHECK(inference_routing(model, true, 0.5).temperature == 0.5F);
  model.routing = {"anneal", 0.25, false, true, 0.375};
  const ops::TreeRouting soft = inference_routing(model, true);
  CHECK(soft.mode == ops::RoutingMode::kSoft);
  CHECK(soft.temperature == 0.25F);
  CHECK(unfinished_warning(model, soft).empty());
  const std::string warning = unfinished_warning(model, {});
  CHECK(warning.find("had not finished hardening") != std::string::npos);
  CHECK(warning.find("hard routing lost 0.375 nats") != std::string::npos);
  model.routing.epsilon = 0.125;
  CHECK(inference_routing(model, true).epsilon == 0.125F);
  model.routing.epsilon.reset();
  model.routing.finished = true;
  CHECK(unfinished_warning(model, {}).empty());

  const std::vector<std::string> texts = {"the <mask> tree"};
  const double hard_score = fill_masks(model, texts, 1, {})[0][0][0].score;
  CHECK(fill_masks(model, texts, 1, soft)[0][0][0].score != hard_score);
  // A mixture at a temperature near 0 is the hard tree.
  CHECK(fill_masks(model, texts, 1, inference_routing(model, true, 1e-6))[0][0][0].score ==
        doctest::Approx(hard_score).epsilon(1e-4));
  model.arch.ffn.type = nn::FeedForwardType::kDense;
  CHECK(error_of([&] { inference_routing(model, true, 0.5); }).find("which route nothing") !=
        std::string::npos);
}

TEST_CASE("a tokenizer without a mask is named by its model") {
  const TempDir dir;
  testing::small_masked_lm().write(dir / "in");
  std::string tokenizer = testing::read_text(dir / "in" / "tokenizer.json");
  for (std::size_t at = 0; (at = tokenizer.find("<mask>", at)) != std::string::npos;)
    tokenizer.replace(at, 6, "<hole>");
  dir.write("in/tokenizer.json", tokenizer);
  LoadedModel model = load_model(dir / "in");
  CHECK(error_of([&] { fill_masks(model, std::vector<std::string>{"the <mask>"}, 5, {}); }) ==
        (dir / "in").string() + ": tokenizer: there is no mask token (<mask> or [MASK]) in the vocabulary");
}

TEST_CASE("a model of one token type reads pairs without types") {
  nn::EncoderOptions arch = nn::bert_options();
  CHECK(single_encoding(arch).types);
  arch.embedding.token_types = 1;
  CHECK_FALSE(single_encoding(arch).types);
}

TEST_CASE("weights that are not finite are reported, not ranked") {
  HfFolder folder = testing::small_masked_lm();
  folder.tensor("encoder.final_norm.bias").value.data()[0] = std::nanf("");
  LoadedModel model = load(folder);
  CHECK(error_of([&] {
          fill_masks(model, std::vector<std::string>{"<mask>"}, 5, {});
        }).find("results that are not finite: the weight `encoder.final_norm.bias` holds inf or NaN") !=
        std::string::npos);
}

}  // namespace
}  // namespace espalier::model
