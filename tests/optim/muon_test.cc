// ctest-label: threads
#include "espalier/optim/muon.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "espalier/base/parallel.h"
#include "espalier/io/json.h"
#include "espalier/io/safetensors.h"
#include "tests/support/support.h"

namespace espalier::optim {
namespace {

using testing::random_tensor;

double distance(const Tensor& found, const std::vector<double>& expected) {
  return testing::max_relative_error(found.span(), std::span<const double>(expected));
}

// Every matrix of the golden file, trained beside the others; `check` sees each after each step.
void train_golden(bool bfloat16,
                  const std::function<void(const std::string& name, const Tensor& weight)>& check) {
  const io::SafetensorsReader tensors(testing::golden_path("muon.safetensors"));
  const io::Json document = io::read_json(testing::golden_path("muon.json"));
  const io::Json& settings = document.at("settings");
  std::vector<nn::NamedParameter> weights;
  for (const auto& [name, shape] : document.at("shapes").items()) {
    const std::string key = "param/" + name;
    weights.push_back(
        {name, Variable(Tensor::from(tensors.info(key).shape, tensors.read_floats(key)), true)});
  }
  Muon muon(weights, {.momentum = settings.at("momentum").get<double>(),
                      .weight_decay = settings.at("weight_decay").get<double>(),
                      .bfloat16 = bfloat16});
  for (int step = 1; step <= settings.at("steps").get<int>(); ++step) {
    const std::string prefix = "step" + std::to_string(step) + "/";
    for (nn::NamedParameter& weight : weights) {
      weight.value.clear_grad();
      const Tensor gradient =
          Tensor::from(weight.value.shape(), tensors.read_floats(prefix + "grad/" + weight.name));
      // What has no gradient is updated as if that were zero.
      const auto values = gradient.span();
      if (std::any_of(values.begin(), values.end(), [](float value) { return value != 0; }))
        weight.value.accumulate_grad(gradient);
    }
    muon.step(settings.at("lr").get<double>(), 1.0);
    for (const nn::NamedParameter& weight : weights) check(prefix + weight.name, weight.value.value());
  }
  for (const MuonSlot& slot : muon.slots()) check("momentum/" + slot.name, slot.momentum);
}

// Rows [begin, begin + length) of every `apart` rows.
Tensor rows_of(const Tensor& from, std::int64_t begin, std::int64_t length, std::int64_t apart) {
  const std::int64_t width = from.shape()[1], rows = from.shape()[0] / apart * length;
  Tensor result = Tensor::empty({rows, width});
  for (std::int64_t row = 0; row < rows; ++row) {
    std::copy_n(from.data() + (row / length * apart + begin + row % length) * width, width,
                result.data() + row * width);
  }
  return result;
}

struct Trained {
  std::vector<float> weight, momentum;
  friend bool operator==(const Trained&, const Trained&) = default;
};

Trained trained(const Tensor& start, const Tensor& gradient, const nn::RowTurns& turns = {}) {
  Variable weight(start.clone(), true);
  weight.accumulate_grad(gradient);
  Muon muon({{"w", weight, nn::ParameterRole::kHiddenMatrix, turns}}, {});
  for (int step = 0; step < 2; ++step) muon.step(1e-2, 0.5);
  return {weight.value().to_vector(), muon.slots()[0].momentum.to_vector()};
}

}  // namespace

TEST_CASE("steps on every shape equal PyTorch's, computed in double") {
  const io::SafetensorsReader tensors(testing::golden_path("muon.safetensors"));
  train_golden(false, [&](const std::string& name, const Tensor& value) {
    INFO(name);
    CHECK(distance(value, tensors.read_doubles("f64/" + name)) < 3e-6);
  });
}

TEST_CASE("with products of bfloat16 they are as near to that as PyTorch's own") {
  const io::SafetensorsReader tensors(testing::golden_path("muon.safetensors"));
  double ours = 0, theirs = 0;
  train_golden(true, [&](const std::string& name, const Tensor& value) {
    const std::vector<double> expected = tensors.read_doubles("f64/" + name);
    ours = testing::larger_error(ours, distance(value, expected));
    theirs = testing::larger_error(
        theirs, distance(Tensor::from(value.shape(), tensors.read_floats(name)), expected));
  });
  CHECK(theirs < 0.1);
  CHECK(ours <= theirs);
  CHECK(ours > 1e-5);  // it is another computation
}

TEST_CASE("matrices that lie in one weight by turns are updated as if each lay alone") {
  const Tensor start = random_tensor({24, 10}, 1), gradient = random_tensor({24, 10}, 2);
  const Trained together = trained(start, gradient, {.matrices = 3, .rows = 2});
  const Tensor weight = Tensor::from(start.shape(), together.weight);
  const Tensor momentum = Tensor::from(start.shape(), together.momentum);
  for (std::int64_t matrix = 0; matrix < 3; ++matrix) {
    const auto part = [&](const Tensor& of) { return rows_of(of, 2 * matrix, 2, 6); };
    CHECK(trained(part(start), part(gradient)) ==
          Trained{part(weight).to_vector(), part(momentum).to_vector()});
  }
  // One after the other.
  const Trained halves = trained(start, gradient, {.matrices = 2});
  const Trained second = trained(rows_of(start, 12, 12, 24), rows_of(gradient, 12, 12, 24));
  CHECK(std::equal(second.weight.begin(), second.weight.end(), halves.weight.begin() + 120));
}

TEST_CASE("clipping scales what the momentum takes in") {
  const Tensor gradient = random_tensor({3, 2}, 1);
  Variable weight(Tensor::zeros({3, 2}), true);
  weight.accumulate_grad(gradient);
  Muon muon({{"w", weight}}, {.momentum = 0.75});
  muon.step(0.1, 0.5);
  for (std::int64_t i = 0; i < 6; ++i)
    CHECK(muon.slots()[0].momentum.data()[i] == 0.25F * (0.5F * gradient.data()[i]));
}

TEST_CASE("the same bits for any thread count") {
  const Tensor start = random_tensor({192, 64}, 1), gradient = random_tensor({192, 64}, 2);
  const auto run = [&](int threads) {
    set_thread_count(threads);
    return trained(start, gradient, {.matrices = 3, .rows = 16});
  };
  const Trained one = run(1);
  for (const int threads : {2, 4}) CHECK(run(threads) == one);
  set_thread_count(available_cores());
}

TEST_CASE("a weight that is frozen rests, and one that never had a gradient only decays") {
  Variable weight(Tensor::full({2, 3}, 1.0F), true);
  weight.accumulate_grad(random_tensor({2, 3}, 1));
  Variable idle(Tensor::full({2, 2}, 1.0F), true);
  Muon muon({{"w", weight}, {"idle", idle}}, {.weight_decay = 0.5});
  muon.step(0.25, 1.0);
  CHECK(idle.value().to_vector() == std::vector<float>(4, 0.875F));
  const std::vector<float> before = weight.value().to_vector();
  const std::vector<float> momentum = muon.slots()[0].momentum.to_vector();
  weight.set_requires_grad(false);
  muon.step(0.25, 1.0);
  CHECK(weight.value().to_vector() == before);
  CHECK(muon.slots()[0].momentum.to_vector() == momentum);
  weight.set_requires_grad(true);
  muon.step(0.25, 1.0);
  CHECK(weight.value().to_vector() != before);
}

}  // namespace espalier::optim
