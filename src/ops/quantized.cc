#include "espalier/ops/quantized.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/cross_entropy.h"
#include "kernels/quantized_matmul.h"
#include "kernels/tree/neuron_hard_dense.h"
#include "kernels/tree/quantized_neuron_hard.h"
#include "ops/check.h"
#include "ops/tree_common.h"

namespace espalier::ops {
namespace {

constexpr const char* kQuantizedLinear = "quantized_linear";
constexpr const char* kQuantizedEmbedding = "quantized_embedding";
constexpr const char* kTree = "quantized_neuron_tree";
constexpr const char* kLoss = "quantized_vocabulary_cross_entropy";
// Rows whose logits exist at a time.
constexpr std::int64_t kChunk = 512;

void require_finite(const std::string& tensor, std::int64_t first_not_finite) {
  if (first_not_finite < 0) return;
  throw InputError(
      fmt::format("{}: row {} holds NaN or infinity, which int8 cannot express", tensor, first_not_finite));
}

void require_short(const std::string& tensor, std::int64_t columns) {
  if (columns <= kernels::kMostByteProducts) return;
  throw InputError(
      fmt::format("{}: {} columns: sums of so many products of int8 do not fit 32 bits, at most {} do",
                  tensor, columns, kernels::kMostByteProducts));
}

kernels::QuantizedRows rows_of(const ByteMatrix& matrix) {
  return kernels::quantized_rows(matrix.shape()[0], matrix.shape()[1], matrix.bytes.memory(),
                                 matrix.scales.data());
}

void require_made(const char* op, const char* argument, bool defined) {
  if (defined) return;
  fail(op, fmt::format("{} must be given, got an undefined one (a module's are made by "
                       "fix_weights(Precision::kInt8))",
                       argument));
}

void require_no_gradient(const char* op, std::initializer_list<Variable> inputs) {
  if (!records_gradient(inputs)) return;
  fail(op, "int8 has no gradients: compute under a NoGradGuard, or in another precision");
}

void check(const char* op, const Variable& x, const QuantizedWeight& weight, const Variable& bias) {
  require_made(op, "weight", weight.defined());
  require_no_gradient(op, {x, bias});
  require_defined(op, "x", x);
  require_least_rank(op, "x", x.shape(), 1);
  const std::int64_t out = weight.matrix().outputs(), in = weight.matrix().inputs();
  require_shape(op, "x", x.shape(), x.shape().with_last(in), "columns of weight", {out, in});
  if (bias.defined()) require_shape(op, "bias", bias.shape(), {out}, "rows of weight", {out, in});
}

void product(std::int64_t rows, const float* x, const QuantizedWeight& weight, const Variable& bias,
             float* y) {
  const kernels::QuantizedMatrix& matrix = weight.matrix();
  kernels::quantized_matmul(kernels::quantize_rows(rows, matrix.inputs(), x, matrix.inputs()), matrix,
                            bias.defined() ? bias.value().data() : nullptr, y, matrix.outputs());
}

}  // namespace

ByteMatrix quantize(const Tensor& weight, const std::string& name) {
  const std::int64_t rows = weight.shape().rows(), columns = weight.shape().columns();
  require_short(name, columns);
  const kernels::QuantizedRows quantized = kernels::quantize_rows(rows, columns, weight.data(), columns);
  require_finite(name, kernels::first_not_finite(quantized));
  ByteMatrix matrix{ByteTensor::empty({rows, columns}), Tensor::empty({rows})};
  for (std::int64_t i = 0; i < rows; ++i) {
    std::copy_n(quantized.row(i), columns, matrix.bytes.data() + i * columns);
    matrix.scales.data()[i] = quantized.scales[i].scale;
  }
  return matrix;
}

Tensor dequantize(const ByteMatrix& matrix) {
  Tensor weight = Tensor::empty(matrix.shape());
  kernels::dequantize_rows(matrix.shape()[0], matrix.shape()[1], matrix.bytes.data(), matrix.scales.data(),
                           weight.data());
  return weight;
}

QuantizedWeight::QuantizedWeight(const Tensor& weight, const std::string& name) {
  const std::int64_t in = weight.shape().columns();
  require_short(name, in);
  matrix_ = std::make_shared<kernels::QuantizedMatrix>(weight.shape().rows(), in, weight.data(), in);
  require_finite(name, matrix_->first_not_finite());
}

QuantizedWeight::QuantizedWeight(const ByteMatrix& matrix)
    : matrix_(std::make_shared<kernels::QuantizedMatrix>(rows_of(matrix))) {}

QuantizedWeight QuantizedWeight::rows(const IntTensor& indices) const {
  require_made(kQuantizedLinear, "weight", defined());
  QuantizedWeight result;
  result.matrix_ = std::make_shared<kernels::QuantizedMatrix>(matrix_->select(indices.span()));
  return result;
}

Variable quantized_linear(const Variable& x, const QuantizedWeight& weight, const Variable& bias) {
  check(kQuantizedLinear, x, weight, bias);
  Tensor y = Tensor::empty(x.shape().with_last(weight.matrix().outputs()));
  product(x.shape().rows(), x.value().data(), weight, bias, y.data());
  return Variable(y);
}

Variable quantized_embedding(const IntTensor& ids, const QuantizedWeight& table) {
  require_made(kQuantizedEmbedding, "table", table.defined());
  const kernels::QuantizedMatrix& matrix = table.matrix();
  require_ids(kQuantizedEmbedding, ids, matrix.outputs());
  const std::int64_t width = matrix.inputs();
  Tensor y = Tensor::empty(ids.shape().appended(width));
  parallel_for(ids.size(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) matrix.dequantize_row(ids.data()[i], y.data() + i * width);
  });
  return Variable(y);
}

Variable quantized_vocabulary_cross_entropy(const Variable& hidden, const QuantizedWeight& table,
                                            const Variable& bias, const IntTensor& targets,
                                            double total_count, std::int64_t* correct) {
  check(kLoss, hidden, table, bias);
  const std::int64_t rows = hidden.shape().rows(), width = hidden.shape().columns();
  const std::int64_t vocabulary = table.matrix().outputs();
  require_shape(kLoss, "targets", targets.shape(), {rows}, "rows of hidden", hidden.shape());
  require_targets(kLoss, targets, vocabulary);
  if (!(total_count >= 0)) fail(kLoss, fmt::format("total_count must be at least 0, got {}", total_count));
  const double total = total_count > 0 ? total_count : static_cast<double>(rows);
  kernels::Scratch<float> logits(std::min(rows, kChunk) * vocabulary);
  kernels::Scratch<kernels::RowLoss> losses(rows);
  for (std::int64_t first = 0; first < rows; first += kChunk) {
    const std::int64_t count = std::min(kChunk, rows - first);
    product(count, hidden.value().data() + first * width, table, bias, logits.data());
    parallel_for(count, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t target = targets.data()[first + row];
        losses[first + row] =
            kernels::cross_entropy_row(vocabulary, logits.data() + row * vocabulary, target);
      }
    });
  }
  double sum = 0;
  std::int64_t hits = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    sum += static_cast<double>(losses[row].loss);
    hits += losses[row].correct ? 1 : 0;
  }
  if (correct != nullptr) *correct = hits;
  return Variable(Tensor::full(Shape(), rows > 0 ? static_cast<float>(sum / total) : 0.0F));
}

static void require_tree_weights(const Shape& w_in, const Shape& bias, const Shape& w_out, int trees,
                                 int depth) {
  require_tree(kTree, trees, depth);
  require_rank(kTree, "w_in", w_in, 2);
  require_rank(kTree, "w_out", w_out, 2);
  const std::int64_t rows = TreeSize{trees, depth}.nodes();
  const ShapeReason nodes("{} trees of depth {}: a row for each of {} nodes", trees, depth, rows);
  require_shape(kTree, "w_in", w_in, {rows, w_in[1]}, nodes.text);
  require_shape(kTree, "bias", bias, {rows}, nodes.text);
  require_shape(kTree, "w_out", w_out, {rows, w_out[1]}, nodes.text);
}

QuantizedNeuronTree::QuantizedNeuronTree(const Tensor& w_in, const Tensor& bias, const Tensor& w_out,
                                         int trees, int depth) {
  require_tree_weights(w_in.shape(), bias.shape(), w_out.shape(), trees, depth);
  const std::int64_t width = w_in.shape().columns();
  require_short("linear_in.weight", width);
  tree_ = std::make_shared<kernels::QuantizedNeuronTree>(
      kernels::NeuronTree{{kernels::TreeKind::kNeuron, trees, depth, width, w_in.data(), bias.data()},
                          w_out.shape().columns(),
                          w_out.data()});
  require_finite("linear_in.weight", kernels::first_not_finite(tree_->in));
  require_finite("linear_out.weight_t", kernels::first_not_finite(tree_->out));
}

QuantizedNeuronTree::QuantizedNeuronTree(const ByteMatrix& w_in, const Tensor& bias, const ByteMatrix& w_out,
                                         int trees, int depth) {
  require_tree_weights(w_in.shape(), bias.shape(), w_out.shape(), trees, depth);
  tree_ = std::make_shared<kernels::QuantizedNeuronTree>(trees, depth, rows_of(w_in), bias.data(),
                                                         rows_of(w_out));
}

bool QuantizedNeuronTree::pays(int trees, int depth) {
  return !kernels::products_are_faster({kernels::TreeKind::kNeuron, trees, depth, 0, nullptr, nullptr});
}

TreeResult quantized_neuron_tree(const Variable& x, const QuantizedNeuronTree& weights,
                                 const TreeRouting& routing, TreeStatistics* statistics) {
  require_made(kTree, "weights", weights.defined());
  require_no_gradient(kTree, {x});
  if (routing.mode == RoutingMode::kSoft) fail(kTree, "soft routing has no form in int8: use neuron_tree()");
  require_defined(kTree, "x", x);
  require_least_rank(kTree, "x", x.shape(), 1);
  const kernels::QuantizedNeuronTree& tree = weights.tree();
  require_shape(kTree, "x", x.shape(), x.shape().with_last(tree.in.width), "columns of w_in",
                {tree.in.rows, tree.in.width});
  const kernels::TreeGates gates{
      kernels::TreeKind::kNeuron, tree.trees, tree.depth, tree.in.width, nullptr, nullptr};
  const std::int64_t tokens = x.shape().rows();
  HardPaths paths(gates, tokens, gates.levels());
  Tensor y = Tensor::empty(x.shape().with_last(tree.out.width));
  IntTensor leaf = paths.leaf.defined() ? paths.leaf : IntTensor::empty({tokens, tree.trees});
  kernels::quantized_neuron_tree_forward(tree, tokens, x.value().data(), paths.logits.data(), leaf.data(),
                                         y.data());
  if (statistics != nullptr) {
    add_paths(paths, routing.temperature, *statistics);
    add_soft_sums({0, 0, tokens * tree.trees * gates.levels()}, *statistics);
  }
  return {Variable(y), Variable(), paths.leaf};
}

}  // namespace espalier::ops
