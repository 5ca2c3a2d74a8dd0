// ctest-label: threads
// Bits of tree operations: any thread count, any cut into micro-batches, any neighbours in the batch.
#include <doctest/doctest.h>

#include "espalier/base/parallel.h"
#include "kernels/tree/neuron_hard.h"
#include "tests/ops/tree_cases.h"

namespace espalier::ops {
namespace {

using namespace tree_tests;

const std::vector<TreeCase> kBothKinds = {{1, 7, 300, 40, 40},
                                          {5, 3, 200, 33, 17},
                                          {1, 6, 200, 24, 31, 3},
                                          {3, 3, 150, 17, 16, 5, LeafActivation::kGelu}};

struct Named {
  const char* name;
  TreeRouting routing;
};
const std::vector<Named> kHardModes = {
    {"hard", {}},
    {"straight-through", {.mode = RoutingMode::kStraightThrough, .temperature = 0.8F}},
    {"straight-through, skipping", {.mode = RoutingMode::kStraightThrough, .ste_epsilon = 0.2F}}};
const std::vector<Named> kSoftModes = {
    {"soft", {.mode = RoutingMode::kSoft, .entropy = true, .region_leak = 0.1F}},
    {"pruned", {.mode = RoutingMode::kSoft, .temperature = 0.3F, .epsilon = 0.02F, .entropy = true}},
    {"much pruned", {.mode = RoutingMode::kSoft, .temperature = 0.1F, .epsilon = 0.3F, .entropy = true}}};

// Output, entropy and all gradients of one pass.
std::vector<std::vector<float>> everything(const TreeCase& c, const std::vector<Tensor>& inputs,
                                           const TreeRouting& routing) {
  std::vector<float> output;
  std::vector<std::vector<float>> all = gradients_of(c, inputs, routing, &output);
  all.push_back(output);
  const std::vector<Variable> in = variables_of(inputs);
  const Variable entropy = apply(in, c, routing, true).entropy;
  if (!entropy.defined()) return all;
  backward(entropy);
  all.push_back({entropy.item()});
  for (const Variable& variable : in) {
    if (variable.grad().defined()) all.push_back(variable.grad().to_vector());
  }
  return all;
}

// Gradients of the weights (all inputs but x) accumulated over consecutive micro-batches of x.
std::vector<std::vector<float>> micro_batch_gradients(const TreeCase& c, const std::vector<Tensor>& inputs,
                                                      const TreeRouting& routing,
                                                      const std::vector<std::int64_t>& sizes) {
  const Tensor upstream = random_tensor({c.tokens, c.output_width}, 77);
  std::vector<Variable> in = variables_of(inputs);
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    in[0] = Variable(inputs[0].slice_rows(first, first + size), true);
    backward(apply(in, c, routing).output, upstream.slice_rows(first, first + size));
    first += size;
  }
  REQUIRE(first == c.tokens);
  std::vector<std::vector<float>> gradients;
  for (std::size_t i = 1; i < in.size(); ++i) gradients.push_back(in[i].grad().to_vector());
  return gradients;
}

}  // namespace

TEST_CASE("one, two and three threads give the same bits") {
  std::vector<Named> modes = kHardModes;
  modes.insert(modes.end(), kSoftModes.begin(), kSoftModes.end());
  std::uint64_t seed = 1;
  for (const TreeCase& c : kBothKinds) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    for (const Named& mode : modes) {
      INFO(describe(c) << " " << mode.name);
      set_thread_count(1);
      const std::vector<std::vector<float>> expected = everything(c, inputs, mode.routing);
      for (const int threads : {2, 3}) {
        set_thread_count(threads);
        CHECK(everything(c, inputs, mode.routing) == expected);
      }
    }
  }
  set_thread_count(available_cores());
}

TEST_CASE("hard and straight-through: accumulated micro-batches give the bits of the whole batch") {
  std::uint64_t seed = 50;
  // Trees of neurons: micro-batches of whole groups; leaf trees: any.
  for (const TreeCase& c : {TreeCase{1, 7, 1500, 40, 40}, TreeCase{5, 3, 1300, 33, 17}}) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    const std::int64_t group = kernels::neuron_tree_group_tokens(c.trees, c.depth);
    REQUIRE(c.tokens > group);
    for (const Named& mode : kHardModes) {
      INFO(describe(c) << " " << mode.name);
      const std::vector<std::vector<float>> whole =
          micro_batch_gradients(c, inputs, mode.routing, {c.tokens});
      CHECK(micro_batch_gradients(c, inputs, mode.routing, {group, c.tokens - group}) == whole);
      CHECK(micro_batch_gradients(c, inputs, mode.routing, {0, group, 0, c.tokens - group}) == whole);
    }
  }
  for (const TreeCase& c : kBothKinds) {
    if (c.leaf_width == 0) continue;
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    for (const Named& mode : kHardModes) {
      INFO(describe(c) << " " << mode.name);
      const std::vector<std::vector<float>> whole =
          micro_batch_gradients(c, inputs, mode.routing, {c.tokens});
      const std::int64_t n = c.tokens;
      CHECK(micro_batch_gradients(c, inputs, mode.routing, {n / 2, n - n / 2}) == whole);
      CHECK(micro_batch_gradients(c, inputs, mode.routing, {1, 37, 0, 64, n - 102}) == whole);
    }
  }
}

TEST_CASE("hard: a token's output and gradient do not depend on its neighbours") {
  std::uint64_t seed = 90;
  for (const TreeCase& c : kBothKinds) {
    const std::vector<Tensor> inputs = random_inputs(c, seed += 10);
    for (const Named& mode : kHardModes) {
      std::vector<float> output;
      const std::vector<float> dx = gradients_of(c, inputs, mode.routing, &output)[0];
      const Tensor upstream = random_tensor({c.tokens, c.output_width}, 77);
      for (const std::int64_t token : {std::int64_t{0}, std::int64_t{33}, c.tokens - 1}) {
        std::vector<Variable> in = variables_of(inputs);
        in[0] = Variable(inputs[0].slice_rows(token, token + 1), true);
        const Variable y = apply(in, c, mode.routing).output;
        backward(y, upstream.slice_rows(token, token + 1));
        const auto row = [&](const std::vector<float>& all, std::int64_t width) {
          return std::vector<float>(all.begin() + token * width, all.begin() + (token + 1) * width);
        };
        CHECK(y.value().to_vector() == row(output, c.output_width));
        CHECK(in[0].grad().to_vector() == row(dx, c.width));
      }
    }
  }
}

TEST_CASE("straight-through: the forward pass is the hard one, bit for bit") {
  for (const TreeCase& c : kBothKinds) {
    const std::vector<Variable> in = variables_of(random_inputs(c, 4));
    const TreeRouting routing{.mode = RoutingMode::kStraightThrough, .temperature = 0.3F};
    CHECK(apply(in, c, routing).output.value().to_vector() == apply(in, c, {}).output.value().to_vector());
  }
}

}  // namespace espalier::ops
