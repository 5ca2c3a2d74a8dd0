// BERT and DistilBERT folders of tests/golden/bert, and those of our own modules that tests/interop puts in
// their place: what transformers computed of them in double against what
// we do: hidden states, pooled state, logits, loss, every gradient, and 20 AdamW steps. The tolerance of each
// tensor is a small multiple of PyTorch's own float32 error there.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "espalier/io/hf_model.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/classifier.h"
#include "espalier/ops/activations.h"
#include "espalier/ops/linear.h"
#include "espalier/optim/adamw.h"
#include "tests/support/support.h"
#include "tests/train/golden_support.h"

namespace espalier::train {
namespace {

constexpr double kEntryFloor = 2e-7;  // of the greatest entry: the expected values are rounded to float32 too

using TensorsByName = std::map<std::string, Tensor>;

ops::TreeRouting routing_of(const model::RoutingProvenance& model) {
  ops::TreeRouting routing;
  if (model.mode == "soft") routing.mode = ops::RoutingMode::kSoft;
  if (model.mode == "straight_through") routing.mode = ops::RoutingMode::kStraightThrough;
  routing.temperature = static_cast<float>(model.temperature);
  routing.epsilon = static_cast<float>(model.epsilon.value_or(0));
  routing.ste_epsilon = static_cast<float>(model.ste_epsilon.value_or(0));
  return routing;
}

struct BertCase {
  explicit BertCase(const std::string& name)
      : folder(testing::golden_path("bert/" + name)),
        json(io::read_json(folder / "expected.json")),
        tensors(folder / "expected.safetensors"),
        model(model::load_model(folder)),
        routing(routing_of(model.routing)) {}

  std::filesystem::path folder;
  io::Json json;
  io::SafetensorsReader tensors;
  model::LoadedModel model;
  ops::TreeRouting routing;  // in training
};

// What each element of a tensor may differ by.
Tensor allowed_of(const BertCase& golden, const std::string& name) {
  for (const io::Json& row : golden.json.at("errors")) {
    if (row.at("tensor") != name) continue;
    const double allowed =
        kGoldenMultiple * row.at("max_abs").get<double>() + kEntryFloor * row.at("scale").get<double>();
    return Tensor::full(golden.tensors.info(name).shape, static_cast<float>(allowed));
  }
  FAIL("no error of " << name);
  return {};
}

// The greatest difference, as a multiple of what is allowed there.
double excess(const Tensor& ours, const Tensor& expected, const Tensor& allowed) {
  REQUIRE(ours.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < ours.span().size(); ++i) {
    const double difference = std::abs(double{ours.span()[i]} - double{expected.span()[i]});
    if (difference != 0) worst = testing::larger_error(worst, difference / double{allowed.span()[i]});
  }
  return worst;
}

// Tensors of the files' names, fused and renamed by our reader as it does with weights: any mixture of
// queries, keys and values that computes the right states is the right one for their gradients too.
TensorsByName in_our_layout(const BertCase& golden, const std::vector<io::SafetensorsEntry>& entries) {
  const testing::TempDir folder;
  folder.write("config.json", testing::read_text(golden.folder / "config.json"));
  io::write_safetensors(folder / "model.safetensors", entries);
  TensorsByName result;
  for (const io::NamedTensor& tensor : io::read_hf_model(folder.path()).tensors) {
    result.emplace(tensor.name, tensor.value);
  }
  return result;
}

// PREFIX/... against one tensor of each parameter of the model.
template <class Value>
void check_each_parameter(BertCase& golden, const std::string& prefix, const Value& value_of) {
  std::vector<io::SafetensorsEntry> values, tolerances;
  for (const std::string& name : golden.tensors.names()) {
    if (!name.starts_with(prefix)) continue;
    values.push_back({name.substr(prefix.size()), golden.tensors.read(name)});
    tolerances.push_back({name.substr(prefix.size()), allowed_of(golden, name)});
  }
  const TensorsByName expected = in_our_layout(golden, values), allowed = in_our_layout(golden, tolerances);
  for (const nn::NamedParameter& parameter : golden.model.module().parameters()) {
    INFO(prefix << parameter.name);
    REQUIRE(expected.contains(parameter.name));
    CHECK(excess(value_of(parameter), expected.at(parameter.name), allowed.at(parameter.name)) <= 1);
  }
}

void check_output(const BertCase& golden, const std::string& name, const Tensor& ours) {
  INFO(name);
  CHECK(excess(ours, golden.tensors.read(name), allowed_of(golden, name)) <= 1);
}

// Rows of real tokens; what padding computes is nobody's business.
Tensor real_rows(const Tensor& states, const nn::Tokens& tokens) {
  if (!tokens.mask.defined()) return states;
  const std::int64_t width = states.size() / tokens.ids.size();
  std::vector<float> rows;
  for (std::int64_t i = 0; i < tokens.ids.size(); ++i) {
    if (tokens.mask.data()[i] != 0)
      rows.insert(rows.end(), states.data() + i * width, states.data() + (i + 1) * width);
  }
  return Tensor::from({static_cast<std::int64_t>(rows.size()) / width, width}, rows);
}

void check_rows(const BertCase& golden, const std::string& name, const Tensor& ours,
                const nn::Tokens& tokens) {
  INFO(name);
  const Tensor expected = golden.tensors.read(name), allowed = allowed_of(golden, name);
  CHECK(excess(real_rows(ours, tokens), real_rows(expected, tokens), real_rows(allowed, tokens)) <= 1);
}

// tanh(W first + b) with the pooler that a masked LM carries along and a classifier begins with.
Tensor pooled(BertCase& golden, const nn::Tokens& tokens, const Tensor& hidden) {
  std::map<std::string, Variable> parameters;
  for (const nn::NamedParameter& parameter : golden.model.module().parameters()) {
    parameters.emplace(parameter.name, parameter.value);
  }
  const NoGradGuard no_grad;
  const Variable first = nn::pool(Variable(hidden), tokens, nn::Pooler::kFirst);
  return ops::tanh(
             ops::linear(first, parameters.at("pooler.dense.weight"), parameters.at("pooler.dense.bias")))
      .value();
}

void check_folder_gradients(BertCase& golden, const GoldenBatch& batch) {
  const Variable loss = golden_loss(golden.model, batch, golden.routing);
  check_output(golden, "output/loss", loss.value());
  backward(loss);
  check_each_parameter(golden, "grad/", [](const nn::NamedParameter& parameter) {
    const Tensor& gradient = parameter.value.grad();  // none: the loss does not reach it
    return gradient.defined() ? gradient : Tensor::zeros(parameter.value.value().shape());
  });
}

void check_folder_training(BertCase& golden) {
  const io::Json& settings = golden.json.at("optimizer");
  optim::Optimizer optimizer(golden.model.module().parameters(), {.adamw = golden_adamw(settings)});
  const double clip = settings.at("clip").is_null() ? 0 : settings.at("clip").get<double>();
  const std::int64_t steps = settings.at("steps").get<std::int64_t>();
  Tensor losses = Tensor::empty({steps}), norms = Tensor::empty({steps});
  for (std::int64_t step = 0; step < steps; ++step) {
    golden.model.module().clear_gradients();
    const std::string batch = "batch" + std::to_string(step % 3) + "/";
    const Variable loss = golden_loss(golden.model, read_golden_batch(golden.tensors, batch), golden.routing);
    backward(loss);
    const double norm = optimizer.gradient_norm().norm;
    optimizer.step(settings.at("lr").get<double>(), optim::clip_factor(norm, clip));
    losses.data()[step] = loss.value().data()[0];
    norms.data()[step] = static_cast<float>(norm);
  }
  check_output(golden, "steps/loss", losses);
  check_output(golden, "steps/grad_norm", norms);
  check_each_parameter(golden, "final/",
                       [](const nn::NamedParameter& parameter) { return parameter.value.value(); });
}

void check_folder(const std::string& name) {
  INFO(name);
  BertCase golden(name);
  const GoldenBatch batch = read_golden_batch(golden.tensors, "batch0/");
  const Tensor hidden = golden_hidden(golden.model, batch.tokens, golden.routing);
  check_rows(golden, "output/hidden", hidden, batch.tokens);
  if (golden.tensors.contains("output/pooled"))
    check_output(golden, "output/pooled", pooled(golden, batch.tokens, hidden));
  if (golden.tensors.contains("output/logits")) {
    const Tensor logits = golden_logits(golden.model, batch.tokens, golden.routing);
    if (golden.model.lm) {
      check_rows(golden, "output/logits", logits, batch.tokens);
    } else {
      check_output(golden, "output/logits", logits);
    }
    check_folder_gradients(golden, batch);
  }
  if (!golden.json.at("optimizer").is_null()) check_folder_training(golden);
}

}  // namespace

TEST_CASE("BertModel: position ids, no prefix; old names, bfloat16, shards, one head, relu") {
  check_folder("bert_model");
  check_folder("bert_model_prefixed");
}
TEST_CASE("BertForMaskedLM: as saved; without prefix, old names, the decoder stored too, tanh gelu") {
  check_folder("bert_masked_lm");
  check_folder("bert_masked_lm_bare");
}
TEST_CASE("BertForPreTraining: float16, old names") {
  check_folder("bert_pretraining");
}
TEST_CASE("BertForSequenceClassification: three classes; a regression in bfloat16 shards") {
  check_folder("bert_classifier");
  check_folder("bert_regression");
}
TEST_CASE("our own modules, where tests/interop has made folders with them") {
  for (const auto& entry : std::filesystem::directory_iterator(testing::golden_path("bert"))) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("espalier_")) check_folder(name);
  }
}
TEST_CASE("DistilBertModel: float16 shards") {
  check_folder("distilbert_model");
}
TEST_CASE("DistilBertForMaskedLM") {
  check_folder("distilbert_masked_lm");
}
TEST_CASE("DistilBertForSequenceClassification: three classes in bfloat16; a regression without prefix") {
  check_folder("distilbert_classifier");
  check_folder("distilbert_regression");
}

}  // namespace espalier::train
