// What waits for the backward pass in bf16.
#include "ops/kept.h"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "espalier/ops/gelu.h"
#include "espalier/ops/layer_norm.h"
#include "espalier/ops/leaf_tree.h"
#include "espalier/ops/neuron_tree.h"
#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::random_tensor;
using RoundedOperation = std::function<Variable(const std::vector<Variable>& in, Precision precision)>;

// The gradients that bf16 gives are those of x rounded, though the values are float32's of x itself; and x
// may be gone by then.
void check_kept(const std::vector<Tensor>& inputs, const RoundedOperation& operation) {
  std::vector<Variable> narrow, exact;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    narrow.emplace_back(inputs[i].clone(), true);
    exact.emplace_back(inputs[i].clone(), true);
  }
  const Variable y = operation(narrow, Precision::kBf16), expected = operation(exact, Precision::kFloat32);
  CHECK(y.value().to_vector() == expected.value().to_vector());
  narrow[0].mutable_value().fill(0.0F);
  exact[0].mutable_value().copy_from(testing::rounded_to_bfloat16(inputs[0]));
  const Tensor upstream = random_tensor(y.shape(), 9);
  backward(y, upstream);
  backward(expected, upstream);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i);
    CHECK(narrow[i].grad().to_vector() == exact[i].grad().to_vector());
  }
}

}  // namespace

TEST_CASE("in bf16 the gradient of an operation between products is that at its rounded input") {
  const Tensor x = random_tensor({40, 16}, 1, -3.0F, 3.0F);
  check_kept({x}, [](const auto& in, Precision precision) { return gelu(in[0], precision); });
  check_kept({x}, [](const auto& in, Precision precision) { return gelu_tanh(in[0], precision); });
  check_kept({x}, [](const auto& in, Precision precision) { return gated_gelu(in[0], precision); });
  check_kept({x, random_tensor({16}, 2), random_tensor({16}, 3)}, [](const auto& in, Precision precision) {
    return layer_norm(in[0], in[1], in[2], 1e-6F, precision);
  });
}

TEST_CASE("trees decide in float32, and in bf16 only x waits for the backward pass rounded") {
  const Tensor x = random_tensor({70, 16}, 1);
  for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kSoft}) {
    TreeRouting routing;
    routing.mode = mode;
    check_kept({x, random_tensor({14, 16}, 2), random_tensor({14}, 3), random_tensor({14, 16}, 4)},
               [&](const auto& in, Precision precision) {
                 routing.precision = precision;
                 return neuron_tree(in[0], in[1], in[2], in[3], 2, 2, routing, true).output;
               });
    check_kept({x, random_tensor({3, 16}, 2), random_tensor({3}, 3), random_tensor({4, 5, 16}, 4),
                random_tensor({4, 5}, 5), random_tensor({4, 5, 16}, 6), random_tensor({4, 16}, 7)},
               [&](const auto& in, Precision precision) {
                 routing.precision = precision;
                 return leaf_tree(in[0], {in[1], in[2], in[3], in[4], in[5], in[6]}, {.trees = 1, .depth = 2},
                                  routing, true)
                     .output;
               });
  }
}

}  // namespace espalier::ops
