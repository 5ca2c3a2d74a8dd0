#include "bench/tree_problem.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "bench/references.h"
#include "espalier/base/philox.h"
#include "espalier/nn/module.h"
#include "kernels/quantize.h"

namespace espalier::bench {
namespace {

// Small calls take turns over at least this many tokens, so that no call finds its rows in the nearest cache
// because the call before used the same.
constexpr std::int64_t kLeastTokens = 4096;

// With survivors, element `tree * depth + level` of a token is +-1 or 0, and the gates of that level read it
// with this weight: 0 leaves a decision open, +-1 settles it.
constexpr float kDecisive = 8.0F;
constexpr float kSurvivorTemperature = 0.25F;
constexpr float kSurvivorEpsilon = 1e-10F;
// Of what the gates read from the rest of the token.
constexpr float kOpenLogit = 0.1F;

// Replaces each row by what its bytes say.
void snap_to_int8(Tensor& tensor) {
  const std::int64_t rows = tensor.shape().rows(), width = tensor.shape().columns();
  const kernels::QuantizedRows bytes = kernels::quantize_rows(rows, width, tensor.data(), width);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < width; ++i) {
      tensor.data()[row * width + i] = bytes.scales[row].scale * static_cast<float>(bytes.row(row)[i]);
    }
  }
}

}  // namespace

TreeTensors empty_tensors(const TreeCase& size) {
  TreeTensors tensors;
  const Shape rows =
      size.has_leaves() ? Shape{size.leaves(), size.leaf_width, size.width} : Shape{size.units(), size.width};
  tensors.unit_in = Tensor::empty(rows);
  tensors.unit_bias =
      Tensor::empty(size.has_leaves() ? Shape{size.leaves(), size.leaf_width} : Shape{size.units()});
  tensors.unit_out = Tensor::empty(rows);
  if (!size.has_leaves()) return tensors;
  tensors.gate_weight = Tensor::empty({size.gates(), size.width});
  tensors.gate_bias = Tensor::empty({size.gates()});
  tensors.leaf_bias = Tensor::empty({size.leaves(), size.width});
  return tensors;
}

TreeProblem::TreeProblem(const TreeCase& size)
    : size_(size), batches_((kLeastTokens + size.tokens - 1) / size.tokens) {
  if (size.backward) batches_ = std::min<std::int64_t>(batches_, 64);
  const std::uint64_t seed = size.seed;
  // Logits are of the order of 1.
  const float std = 1.0F / std::sqrt(static_cast<float>(size.width));
  weights_ = empty_tensors(size);
  nn::init_normal(weights_.unit_in, std, seed, "unit_in");
  nn::init_normal(weights_.unit_bias, 0.02F, seed, "unit_bias");
  nn::init_normal(weights_.unit_out, std, seed, "unit_out");
  if (size.has_leaves()) {
    nn::init_normal(weights_.gate_weight, std, seed, "gate_weight");
    nn::init_normal(weights_.gate_bias, 0.02F, seed, "gate_bias");
    nn::init_normal(weights_.leaf_bias, 0.02F, seed, "leaf_bias");
  }
  x_ = random_normal({tokens(), size.width}, 1, seed, "x");
  if (size.backward) dy_ = random_normal({tokens(), size.width}, 1, seed, "dy");
  if (size.survivors > 0) encode_survivors();
  if (size.precision != ops::Precision::kInt8) return;
  for (Tensor* tensor : {&weights_.unit_in, &weights_.unit_out, &x_}) snap_to_int8(*tensor);
}

void TreeProblem::encode_survivors() {
  const int depth = size_.depth;
  Tensor& gates = size_.has_leaves() ? weights_.gate_weight : weights_.unit_in;
  const std::int64_t rows = gates.shape()[0] / size_.trees;
  for (int tree = 0; tree < size_.trees; ++tree) {
    for (std::int64_t node = 0; node < rows; ++node) {
      float* row = gates.data() + (tree * rows + node) * size_.width;
      const int level = static_cast<int>(std::floor(std::log2(static_cast<double>(node + 1))));
      for (std::int64_t i = 0; i < size_.width; ++i) row[i] *= kOpenLogit;
      for (int i = 0; i < size_.trees * depth; ++i) row[i] = 0;
      if (level < depth) row[tree * depth + level] = kDecisive;
    }
  }
  const int open = static_cast<int>(std::lround(std::log2(static_cast<double>(size_.survivors))));
  const Philox random(size_.seed, RandomStream::kInit, 1);
  std::vector<int> levels(static_cast<std::size_t>(depth));
  for (std::int64_t token = 0; token < tokens(); ++token) {
    float* code = x_.data() + token * size_.width;
    for (int tree = 0; tree < size_.trees; ++tree) {
      const std::uint64_t draw = static_cast<std::uint64_t>((token * size_.trees + tree) * 2 * depth);
      std::iota(levels.begin(), levels.end(), 0);
      for (int i = 0; i < depth; ++i) {
        const auto at = static_cast<std::uint64_t>(i);
        const std::uint32_t other = random.below(draw + 2 * at, static_cast<std::uint32_t>(depth - i));
        std::swap(levels[at], levels[at + other]);
        const bool right = (random.word(draw + 2 * at + 1) & 1U) != 0;
        const float settled = right ? 1.0F : -1.0F;
        code[tree * depth + levels[at]] = i < open ? 0.0F : settled;
      }
    }
  }
}

void TreeProblem::redraw(std::int64_t token) {
  const Tensor row = random_normal({size_.width}, 1, size_.seed, "x again " + std::to_string(redraws_++));
  std::copy_n(row.data(), size_.width, x_.data() + token * size_.width);
}

kernels::TreeGates TreeProblem::tree_gates() const {
  if (!size_.has_leaves()) {
    return {kernels::TreeKind::kNeuron, size_.trees, size_.depth, size_.width, weights_.unit_in.data(),
            weights_.unit_bias.data()};
  }
  return {kernels::TreeKind::kLeaf, size_.trees, size_.depth, size_.width, weights_.gate_weight.data(),
          weights_.gate_bias.data()};
}

kernels::NeuronTree TreeProblem::neuron_tree() const {
  return {tree_gates(), size_.width, weights_.unit_out.data()};
}

kernels::LeafTree TreeProblem::leaf_tree() const {
  return {tree_gates(),
          size_.leaf_width,
          size_.width,
          kernels::LeafActivation::kRelu,
          weights_.unit_in.data(),
          weights_.unit_bias.data(),
          weights_.unit_out.data(),
          weights_.leaf_bias.data()};
}

ops::TreeRouting TreeProblem::soft_routing() const {
  ops::TreeRouting routing;
  routing.mode = ops::RoutingMode::kSoft;
  routing.temperature = size_.survivors > 0 ? kSurvivorTemperature : kTemperature;
  routing.epsilon = size_.survivors > 0 ? kSurvivorEpsilon : 0.0F;
  return routing;
}

}  // namespace espalier::bench
