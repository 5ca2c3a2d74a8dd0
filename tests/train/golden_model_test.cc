// Whole models against the original PyTorch code: hidden states, logits, loss, every gradient and ten AdamW
// steps, from the files of tests/golden. The yardstick is the original in double; the tolerance a small
// multiple of the distance of the original in float32 from it, because our float32 is another order of the
// same sums.
#include <doctest/doctest.h>

#include <algorithm>

#include "espalier/model/loaded_model.h"
#include "espalier/optim/adamw.h"
#include "io/hf_names.h"
#include "tests/support/support.h"
#include "tests/train/golden_support.h"

namespace espalier::train {
namespace {

constexpr double kFloor = 1.5e-6;  // relative: a dozen roundings of float32

struct Case {
  std::string name;
  io::Json json;
  io::SafetensorsReader tensors;
  model::LoadedModel model;
};

// The case as a Hugging Face folder, read by our importer.
model::LoadedModel import_case(const io::Json& json, const io::SafetensorsReader& tensors) {
  const testing::TempDir folder;
  folder.write("config.json", json.at("config").dump());
  std::vector<io::SafetensorsEntry> entries;
  for (const std::string& name : tensors.names()) {
    if (name.starts_with("param/")) entries.push_back({name.substr(6), tensors.read(name)});
  }
  io::write_safetensors(folder / "model.safetensors", entries);
  return model::load_model(folder.path());
}

Case load_case(const std::string& name) {
  io::Json json = io::read_json(testing::golden_path(name + ".json"));
  io::SafetensorsReader tensors(testing::golden_path(name + ".safetensors"));
  model::LoadedModel model = import_case(json, tensors);
  return {name, std::move(json), std::move(tensors), std::move(model)};
}

double tolerance(const Case& golden, const std::string& what) {
  return kGoldenMultiple * golden.json.at("errors").at(what).at("max_rel").get<double>() + kFloor;
}

// max |ours - double| / max |double|, or / `scale` where that is larger
double distance(const Tensor& ours, const std::vector<double>& expected, double scale = 0) {
  REQUIRE(static_cast<std::size_t>(ours.size()) == expected.size());
  double largest = scale, difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    difference =
        testing::larger_error(difference, std::abs(static_cast<double>(ours.data()[i]) - expected[i]));
  }
  return largest > 0 ? difference / largest : difference;
}

// In the original's layout.
Tensor original_layout(const std::string& name, const Tensor& value) {
  return io::to_hf(io::hf_stored(io::HfLayout::kOriginal, name), value, 1)[0].value;
}

void check_gradients(Case& golden) {
  for (const nn::NamedParameter& parameter : golden.model.module().parameters()) {
    INFO(parameter.name);
    const std::vector<double> expected = golden.tensors.read_doubles(
        "f64/grad/" + io::hf_stored(io::HfLayout::kOriginal, parameter.name).names[0]);
    REQUIRE(parameter.value.grad().defined());
    CHECK(distance(original_layout(parameter.name, parameter.value.grad()), expected) <=
          tolerance(golden, "grad"));
  }
}

void check_training(Case& golden, const ops::TreeRouting& routing) {
  const io::Json& settings = golden.json.at("optimizer");
  optim::Optimizer optimizer(golden.model.module().parameters(), {.adamw = golden_adamw(settings)});
  const double clip = settings.at("clip").is_null() ? 0 : settings.at("clip").get<double>();
  for (int step = 1; step <= settings.at("steps").get<int>(); ++step) {
    INFO("step " << step);
    const std::string prefix = "f64/step" + std::to_string(step) + "/";
    golden.model.module().clear_gradients();
    const std::string batch = "batch" + std::to_string((step - 1) % 3) + "/";
    const Variable loss = golden_loss(golden.model, read_golden_batch(golden.tensors, batch), routing);
    CHECK(distance(loss.value(), golden.tensors.read_doubles(prefix + "loss")) <= tolerance(golden, "steps"));
    backward(loss);
    const double norm = optimizer.gradient_norm().norm;
    CHECK(norm == doctest::Approx(golden.tensors.read_doubles(prefix + "grad_norm")[0])
                      .epsilon(tolerance(golden, "steps")));
    optimizer.step(settings.at("lr").get<double>(), optim::clip_factor(norm, clip));
  }
  // What AdamW may have moved a weight by: the scale of a bias that began at zero.
  const double moved = settings.at("lr").get<double>() * settings.at("steps").get<int>();
  for (const nn::NamedParameter& parameter : golden.model.module().parameters()) {
    INFO("after the last step: " << parameter.name);
    const std::vector<double> expected = golden.tensors.read_doubles(
        "final/" + io::hf_stored(io::HfLayout::kOriginal, parameter.name).names[0]);
    CHECK(distance(original_layout(parameter.name, parameter.value.value()), expected, moved) <=
          tolerance(golden, "final") + 2e-6);
  }
}

void check_case(const std::string& name, const ops::TreeRouting& routing = {}) {
  INFO(name);
  Case golden = load_case(name);
  const GoldenBatch batch = read_golden_batch(golden.tensors, "input/");
  CHECK(distance(golden_hidden(golden.model, batch.tokens, routing),
                 golden.tensors.read_doubles("f64/output/hidden")) <= tolerance(golden, "hidden"));
  CHECK(distance(golden_logits(golden.model, batch.tokens, routing),
                 golden.tensors.read_doubles("f64/output/logits")) <= tolerance(golden, "logits"));
  const Variable loss = golden_loss(golden.model, batch, routing);
  CHECK(distance(loss.value(), golden.tensors.read_doubles("f64/output/loss")) <= tolerance(golden, "loss"));
  backward(loss);
  check_gradients(golden);
  check_training(golden, routing);
}

ops::TreeRouting with(ops::RoutingMode mode, float temperature) {
  ops::TreeRouting routing;
  routing.mode = mode;
  routing.temperature = temperature;
  return routing;
}

}  // namespace

TEST_CASE("one tree") {
  check_case("fff_1x3");
}
TEST_CASE("several trees") {
  check_case("fff_4x2");
}
TEST_CASE("dense") {
  check_case("dense");
}
TEST_CASE("gated dense") {
  check_case("dense_gated");
}
TEST_CASE("with padding") {
  check_case("padding");
}
TEST_CASE("rotary positions beside the sinusoids") {
  check_case("rotary");
}
TEST_CASE("rotary positions and a learned table") {
  check_case("rotary_learned");
}
TEST_CASE("classifiers of both poolers, classes and regression") {
  for (const char* pooler : {"avg", "zero_index"}) {
    for (const char* task : {"classification", "regression"}) {
      check_case(std::string("classifier_") + pooler + "_" + task);
    }
  }
}
TEST_CASE("straight-through decisions") {
  check_case("straight_through", with(ops::RoutingMode::kStraightThrough, 0.7F));
  check_case("straight_through_2x2", with(ops::RoutingMode::kStraightThrough, 0.7F));
}
TEST_CASE("soft decisions") {
  check_case("soft_1x3", with(ops::RoutingMode::kSoft, 0.5F));
}

TEST_CASE("with fewer labels than a quarter the loss is the mean over those there are") {
  Case golden = load_case("fff_1x3");
  GoldenBatch batch = read_golden_batch(golden.tensors, "input/");
  batch.positions.clear();
  batch.targets.clear();
  const std::vector<std::int64_t> labels = golden.tensors.read_ints("fewer/labels");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == -100) continue;
    batch.positions.push_back(static_cast<std::int32_t>(i));
    batch.targets.push_back(static_cast<std::int32_t>(labels[i]));
  }
  CHECK(batch.positions.size() == 7);
  CHECK(distance(golden_loss(golden.model, batch).value(), golden.tensors.read_doubles("f64/fewer/loss")) <=
        tolerance(golden, "loss"));
}

}  // namespace espalier::train
