// ctest-label: threads
#include "espalier/base/parallel.h"
#include "espalier/ops/activations.h"
#include "espalier/ops/dropout.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/gather.h"
#include "espalier/ops/gelu.h"
#include "espalier/ops/linear.h"
#include "espalier/ops/matmul.h"
#include "espalier/ops/mean_squared_error.h"
#include "espalier/ops/reduce.h"
#include "espalier/ops/shape.h"
#include "espalier/ops/softmax.h"
#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::FloatOp;
using testing::random_tensor;
using In = std::span<const Variable>;

// Bits of the value and of every gradient with `threads` threads.
std::vector<std::vector<float>> bits(const FloatOp& op, const std::vector<Shape>& shapes, int threads) {
  set_thread_count(threads);
  std::vector<Variable> inputs;
  for (const Shape& shape : shapes)
    inputs.emplace_back(random_tensor(shape, inputs.size(), 0.02F, 0.98F), true);
  const Variable result = op(inputs);
  backward(result, random_tensor(result.shape(), 50));
  std::vector<std::vector<float>> all{result.value().to_vector()};
  for (const Variable& input : inputs) all.push_back(input.grad().to_vector());
  set_thread_count(available_cores());
  return all;
}

void check_invariant(const char* name, const FloatOp& op, const std::vector<Shape>& shapes) {
  INFO(name);
  const auto one = bits(op, shapes, 1);
  CHECK(bits(op, shapes, 2) == one);
  CHECK(bits(op, shapes, 3) == one);
}

IntTensor random_indices(std::int64_t count, std::uint32_t below) {
  const Philox random(9, RandomStream::kTest);
  IntTensor indices = IntTensor::empty({count});
  for (std::int64_t i = 0; i < count; ++i) {
    indices.data()[i] = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(i), below));
  }
  return indices;
}

}  // namespace

// Sizes are beyond several grains, and odd.
TEST_CASE("any number of threads gives the same bits: elementwise and sums") {
  const Shape big{301, 217};
  check_invariant("add", [](In in) { return add(in[0], in[1]); }, {big, big});
  check_invariant("add row", [](In in) { return add(in[0], in[1]); }, {{1301, 57}, {57}});
  check_invariant("scale", [](In in) { return scale(in[0], 0.3F); }, {big});
  check_invariant("multiply", [](In in) { return multiply(in[0], in[1]); }, {big, big});
  check_invariant("multiply_scalar", [](In in) { return multiply_scalar(in[0], in[1]); }, {big, {1}});
  check_invariant("gelu", [](In in) { return gelu(in[0]); }, {big});
  check_invariant("gated_gelu", [](In in) { return gated_gelu(in[0]); }, {{301, 218}});
  check_invariant("tanh", [](In in) { return tanh(in[0]); }, {big});
  check_invariant("relu", [](In in) { return relu(in[0]); }, {big});
  check_invariant("sigmoid", [](In in) { return sigmoid(in[0]); }, {big});
  check_invariant("softmax", [](In in) { return softmax(in[0]); }, {big});
  check_invariant("dropout", [](In in) { return dropout(in[0], 0.3F, {.seed = 1, .step = 2, .site = 3}); },
                  {big});
  check_invariant("sum", [](In in) { return sum(in[0]); }, {big});
  check_invariant("mean", [](In in) { return mean(in[0]); }, {big});
  check_invariant("mean_axis", [](In in) { return mean_axis(in[0], 1); }, {{11, 130, 57}});
  check_invariant("sum_axis", [](In in) { return sum_axis(in[0], 0); }, {{130, 1157}});
  const Tensor target = random_tensor(big, 7);
  check_invariant("mean_squared_error", [&](In in) { return mean_squared_error(in[0], target); }, {big});
}

TEST_CASE("any number of threads gives the same bits: products and moves") {
  check_invariant("linear", [](In in) { return linear(in[0], in[1], in[2]); },
                  {{1300, 33}, {301, 33}, {301}});
  check_invariant("matmul", [](In in) { return matmul(in[0], in[1]); }, {{600, 70}, {70, 530}});
  const IntTensor picks = random_indices(5003, 611);
  check_invariant("gather_rows", [&](In in) { return gather_rows(in[0], picks); }, {{611, 37}});
  check_invariant("scatter_rows", [&](In in) { return scatter_rows(in[0], picks, 611); }, {{5003, 37}});
  check_invariant("transpose", [](In in) { return transpose(in[0], 0, 2); }, {{31, 20, 117}});
  check_invariant("slice", [](In in) { return slice(in[0], 1, 3, 90); }, {{511, 101}});
  check_invariant("concat", [](In in) { return concat({in[0], in[1]}, 1); }, {{511, 61}, {511, 41}});
}

}  // namespace espalier::ops
