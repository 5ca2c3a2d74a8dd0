// A folder that was exported in int8 computes what --precision int8 makes of the model, to the last bit.
#include <doctest/doctest.h>

#include "espalier/model/exchange.h"
#include "espalier/model/inference.h"
#include "tests/support/support.h"

namespace espalier::model {
namespace {

using testing::error_of;
using testing::TempDir;

nn::EncoderOptions sized(nn::EncoderOptions arch) {
  arch.layers = 2;
  arch.hidden_size = 24;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 450;
  arch.embedding.max_positions = 32;
  arch.init_std = 0.3;
  return arch;
}

nn::EncoderOptions with(nn::FeedForwardType type, std::int64_t trees, std::int64_t depth) {
  nn::EncoderOptions arch = sized({});
  arch.ffn = {.type = type, .width = 20, .trees = trees, .depth = depth, .leaf_width = 3};
  return arch;
}

nn::EncoderOptions bert(std::int64_t token_types) {
  nn::EncoderOptions arch = sized(nn::bert_options());
  arch.embedding.token_types = token_types;
  arch.ffn.width = 20;
  arch.pooler = token_types > 0;
  return arch;
}

nn::Tokens batch(const nn::EncoderOptions& arch) {
  IntTensor ids = IntTensor::empty({3, 10});
  for (std::int64_t i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int32_t>(i * 17 % 450);
  nn::Tokens tokens{ids};
  if (arch.embedding.token_types > 0) tokens.types = IntTensor::zeros(ids.shape());
  return tokens;
}

std::vector<float> outputs(LoadedModel& model) {
  const NoGradGuard no_gradient;
  nn::ForwardContext context;
  const nn::Tokens tokens = batch(model.arch);
  std::vector<float> values = model.encoder().forward(tokens, context).value().to_vector();
  nn::ForwardContext again;
  const Tensor rest = model.lm ? model.lm->logits(tokens, {1, 7, 12, 25}, again).value()
                               : model.classifier->forward(tokens, again).value();
  values.insert(values.end(), rest.data(), rest.data() + rest.size());
  return values;
}

template <class Model, class... More>
void save(const std::filesystem::path& path, Model& model, const More&... more) {
  nn::initialize(model, 0.3, 5);
  io::save_checkpoint(
      path, model_checkpoint(model, more..., testing::read_text(testing::golden_path("tokenizer.json"))));
}

void check_same_bits(const TempDir& dir) {
  ExportOptions options;
  options.dtype = io::DType::kI8;
  export_model(dir / "model.h5", dir / "out", options);
  LoadedModel exact = load_model(dir / "model.h5");
  const std::vector<float> float32 = outputs(exact);
  CHECK(fix_precision(exact, ops::Precision::kInt8) == ops::Precision::kInt8);
  LoadedModel exported = load_model(dir / "out", io::HfInt8::kKeep);
  CHECK_FALSE(exported.in_bytes.empty());
  CHECK(fix_precision(exported, std::nullopt) == ops::Precision::kInt8);
  const std::vector<float> found = outputs(exported);
  CHECK(found == outputs(exact));
  CHECK(found != float32);
}

}  // namespace

TEST_CASE("int8: masked LMs of every kind have the same bits from a folder") {
  for (const nn::EncoderOptions& arch :
       {with(nn::FeedForwardType::kNeuronTree, 1, 4), with(nn::FeedForwardType::kNeuronTree, 3, 2),
        with(nn::FeedForwardType::kNeuronTree, 9, 0), with(nn::FeedForwardType::kLeafTree, 2, 2),
        with(nn::FeedForwardType::kDense, 1, 0), with(nn::FeedForwardType::kGated, 1, 0), bert(2), bert(0)}) {
    const TempDir dir;
    nn::MaskedLm model(arch);
    save(dir / "model.h5", model, RoutingProvenance());
    INFO(nn::describe(arch.ffn));
    check_same_bits(dir);
  }
}

TEST_CASE("int8: classifiers have the same bits from a folder") {
  for (const nn::EncoderOptions& arch : {with(nn::FeedForwardType::kNeuronTree, 2, 3), bert(2)}) {
    const TempDir dir;
    nn::SequenceClassifier model(arch, {.head_dim = 24, .labels = 3});
    save(dir / "model.h5", model, LabelInfo{{"a", "b", "c"}, false}, RoutingProvenance());
    check_same_bits(dir);
  }
}

TEST_CASE("int8: a folder has no other precision, no soft trees, and nothing is made from it") {
  const TempDir dir;
  nn::MaskedLm model(with(nn::FeedForwardType::kNeuronTree, 2, 3));
  save(dir / "model.h5", model, RoutingProvenance{"anneal", 0.5, true, true, std::nullopt});
  check_same_bits(dir);
  LoadedModel loaded = load_model(dir / "out", io::HfInt8::kKeep);
  CHECK(loaded.module().parameter_count() == model.parameter_count());
  CHECK(error_of([&] { fix_precision(loaded, ops::Precision::kFloat32); }) ==
        "--precision float32: the weights of " + (dir / "out").string() +
            " are int8; give the model that it was exported from");
  CHECK(error_of([&] {
          inference_routing(loaded, true);
        }).find("--routing soft: the trees of " + (dir / "out").string() + " are int8, which route hard") !=
        std::string::npos);
  for (const std::string& error :
       {error_of([&] { load_model(dir / "out"); }), error_of([&] { load_model_checkpoint(dir / "out"); }),
        error_of([&] { export_model(dir / "out", dir / "again"); }),
        error_of([&] { import_model(dir / "out", dir / "again.h5"); })}) {
    CHECK(error.find("its weights are int8: evaluate, fill-mask") != std::string::npos);
  }
  import_model(dir / "out", dir / "again.h5", true);
  LoadedModel dequantized = load_model(dir / "again.h5");
  // Quantizing what the bytes stand for gives the bytes again.
  fix_precision(dequantized, ops::Precision::kInt8);
  fix_precision(loaded, std::nullopt);
  CHECK(outputs(dequantized).size() == outputs(loaded).size());
}

TEST_CASE("int8: a mixture keeps its trees in float32, and routes softly from a folder too") {
  const TempDir dir;
  nn::MaskedLm model(with(nn::FeedForwardType::kNeuronTree, 2, 3));
  save(dir / "model.h5", model, RoutingProvenance{"soft", 0.5, true, true, std::nullopt});
  check_same_bits(dir);
  LoadedModel loaded = load_model(dir / "out", io::HfInt8::kKeep);
  CHECK_FALSE(has_trees_in_bytes(loaded));
  CHECK(inference_routing(loaded, true).temperature == 0.5F);
}

}  // namespace espalier::model
