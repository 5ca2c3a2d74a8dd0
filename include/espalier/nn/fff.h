// A fast feedforward layer: parallel trees whose routing comes from ForwardContext::routing. Formulas and
// sources: ops/neuron_tree.h (arXiv 2311.10770), ops/leaf_tree.h (arXiv 2308.14711).
#pragma once

#include "espalier/nn/feed_forward.h"
#include "espalier/ops/leaf_tree.h"
#include "espalier/ops/neuron_tree.h"
#include "espalier/ops/quantized.h"

namespace espalier::nn {

// Options used: type (kNeuronTree or kLeafTree), trees, depth; for leaf
// trees leaf_width and leaf_activation.
//
// Parameters of trees of neurons, n = 2^(depth+1) - 1 nodes each, rows tree-major:
//   linear_in.weight    [trees * n, width]
//   linear_in.bias      [trees * n]
//   linear_out.weight_t [trees * n, output_width]  the original's linear_out.weight, transposed: a row a node
// Parameters of trees with MLP leaves, L = trees * 2^depth leaves (no gates where depth is 0):
//   gate.weight       [trees * (2^depth - 1), width]
//   gate.bias         [trees * (2^depth - 1)]
//   leaf_in.weight    [L, leaf_width, width]
//   leaf_in.bias      [L, leaf_width]
//   leaf_out.weight_t [L, leaf_width, output_width]  a row a hidden unit
//   leaf_out.bias     [L, output_width]
// All start at zero; the model that owns the layer initialises them, or init_uniform does.
class Fff : public FeedForward {
 public:
  // Throws InputError if the trees are not possible.
  Fff(const FeedForwardOptions& options, std::int64_t width, std::int64_t output_width);
  // Throws InputError if the trees are too deep, or have more nodes than can be counted. (The constructor
  // allows fewer trees.)
  static void describe(const ParameterList& list, const FeedForwardOptions& options, std::int64_t width,
                       std::int64_t output_width);

  // [..., width] -> [..., output_width]. Leaves the entropy in `context` where routing asks for it, and adds
  // to its statistics. Region leak draws from (context.seed, context.step, this layer's place among tree
  // layers).
  Variable forward(const Variable& x, ForwardContext& context) override;

  // The initial values of the original layers: U(+-1/sqrt(width)) for what reads the input, U(+-1/sqrt(units
  // that feed an output)) for what writes it: (depth + 1) * trees nodes, or leaf_width. A function of (seed,
  // parameter name).
  void init_uniform(std::uint64_t seed);

 protected:
  // Trees of neurons with hard routing read copies in int8, others their weights in float32.
  void prepare_weights() override;

 private:
  ops::TreeResult evaluate(const Variable& x, const ops::TreeRouting& routing, bool training,
                           ops::TreeStatistics* statistics) const;

  FeedForwardType type_;
  int trees_;
  int depth_;
  ops::LeafActivation leaf_activation_;
  Variable weight_in_, bias_in_, weight_out_;  // trees of neurons
  ops::QuantizedNeuronTree quantized_;
  ops::LeafTreeWeights leaves_;  // leaf trees
};

}  // namespace espalier::nn
