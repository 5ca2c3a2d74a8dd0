// The kernels under test: one layer, one call.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/tree_problem.h"
#include "espalier/autograd/variable.h"
#include "kernels/tree/quantized_neuron_hard.h"

namespace espalier::bench {

// Where a layer leaves its results: y, paths and dx of every batch of the problem; gradients of the weights.
struct TreeResults {
  Tensor y, dx;    // [tokens, width]
  Tensor logits;   // hard: [tokens, trees, levels], as the kernels leave them
  IntTensor leaf;  // hard: [tokens, trees]
  TreeTensors gradients;
};

class TreeLayer {
 public:
  // `prune`: drop what the problem's pruning threshold allows (soft routing).
  explicit TreeLayer(const TreeProblem& problem, bool prune = true)
      : TreeLayer(problem, prune, problem.size().precision) {}
  TreeLayer(const TreeProblem& problem, bool prune, ops::Precision precision);
  // A forward pass, and a backward pass if the problem has one. Gradients of the weights are overwritten, or
  // added to with `accumulate`.
  void run(std::int64_t batch, bool accumulate);
  // Brings what run() left of a batch into results(), where it is not there already.
  void collect(std::int64_t batch);
  TreeResults& results() { return results_; }

 private:
  // Hard paths: the kernels, because the operations do not show the paths that the check needs.
  void run_neurons(std::int64_t batch, bool accumulate);
  void run_leaves(std::int64_t batch, bool accumulate);
  // Soft: the operations, which choose the form of the computation as in training.
  void run_soft(std::int64_t batch, bool accumulate);
  bool is_soft() const { return size_.mode == ops::RoutingMode::kSoft; }
  std::int64_t offset(std::int64_t batch) const { return batch * size_.tokens * size_.width; }

  const TreeProblem& problem_;
  const TreeCase& size_;
  ops::TreeRouting routing_;
  int levels_;
  kernels::QuantizedNeuronTree quantized_;  // int8
  Tensor pre_;                              // hard leaf trees: [tokens of a call, trees, leaf_width]
  std::vector<Variable>
      weights_;    // soft: unit_in, unit_bias, unit_out, and of leaf trees the gates and leaf_bias
  Tensor y_, dx_;  // soft: of the last call
  TreeResults results_;
};

}  // namespace espalier::bench
