// Layers in int8 for inference: weights quantised once, by output row; what they read, by token; sums of
// products exact, float32 around them. None has a gradient: InputError where one would be recorded. Results
// have the same bits on every machine as far as products go, for any number of threads, and a token's depend
// on that token alone.
#pragma once

#include <memory>
#include <string>

#include "espalier/autograd/variable.h"
#include "espalier/ops/neuron_tree.h"
#include "espalier/tensor/byte_matrix.h"

namespace espalier::kernels {
class QuantizedMatrix;
struct QuantizedNeuronTree;
}  // namespace espalier::kernels

namespace espalier::ops {

// A weight [rows, columns] in bytes, each row by its own scale, by which its largest number is 127.
// InputError, beginning with `name`, for the first row that holds NaN or infinity, which int8 has no bytes
// for.
ByteMatrix quantize(const Tensor& weight, const std::string& name = "weight");
// The weight that bytes stand for: scale * byte.
Tensor dequantize(const ByteMatrix& matrix);

// A weight [out, in] of a linear layer. Copies share it; one made by default is undefined.
class QuantizedWeight {
 public:
  QuantizedWeight() = default;
  // InputError as of quantize().
  explicit QuantizedWeight(const Tensor& weight, const std::string& name = "weight");
  // Of bytes that quantize() made: the same.
  explicit QuantizedWeight(const ByteMatrix& matrix);
  // Some of its rows.
  QuantizedWeight rows(const IntTensor& indices) const;
  bool defined() const { return matrix_ != nullptr; }
  const kernels::QuantizedMatrix& matrix() const { return *matrix_; }

 private:
  std::shared_ptr<const kernels::QuantizedMatrix> matrix_;
};

// y [..., out] = x [..., in] weight^T + bias [out], or no bias if undefined. A row of x with NaN or infinity
// gives NaN. InputError if a shape does not fit.
Variable quantized_linear(const Variable& x, const QuantizedWeight& weight,
                          const Variable& bias = Variable());

// The rows of a table [vocabulary, d] that `ids` name, as their bytes stand for them: [..., d]. InputError as
// of embedding().
Variable quantized_embedding(const IntTensor& ids, const QuantizedWeight& table);

// As vocabulary_cross_entropy() of that total_count, of logits hidden table^T + bias; `correct` may be null.
Variable quantized_vocabulary_cross_entropy(const Variable& hidden, const QuantizedWeight& table,
                                            const Variable& bias, const IntTensor& targets,
                                            double total_count, std::int64_t* correct);

// The weights of trees of neurons: neuron_tree()'s.
class QuantizedNeuronTree {
 public:
  QuantizedNeuronTree() = default;
  // InputError as of quantize(), or if a shape does not fit.
  QuantizedNeuronTree(const Tensor& w_in, const Tensor& bias, const Tensor& w_out, int trees, int depth);
  QuantizedNeuronTree(const ByteMatrix& w_in, const Tensor& bias, const ByteMatrix& w_out, int trees,
                      int depth);
  bool defined() const { return tree_ != nullptr; }
  const kernels::QuantizedNeuronTree& tree() const { return *tree_; }
  // Whether rows of bytes are any good here: not for forests so shallow that dense products compute them.
  static bool pays(int trees, int depth);

 private:
  std::shared_ptr<const kernels::QuantizedNeuronTree> tree_;
};

// neuron_tree() with hard routing. Decisions follow the int8 logits. InputError if a shape does not fit.
TreeResult quantized_neuron_tree(const Variable& x, const QuantizedNeuronTree& weights,
                                 const TreeRouting& routing, TreeStatistics* statistics = nullptr);

}  // namespace espalier::ops
