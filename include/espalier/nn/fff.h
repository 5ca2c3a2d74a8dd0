#pragma once

#include "espalier/nn/feed_forward.h"
#include "espalier/ops/neuron_tree.h"

namespace espalier::nn {

// A fast feedforward layer: parallel trees whose routing comes from ForwardContext::routing
// (ops/neuron_tree.h). Options used: type, trees, depth, and for leaf trees leaf_width and leaf_activation.
//
// Parameters, n = 2^(depth+1) - 1 nodes a tree, rows tree-major:
//   linear_in.weight    [trees * n, width]
//   linear_in.bias      [trees * n]
//   linear_out.weight_t [trees * n, output_width]  the original's linear_out.weight, transposed: a row a node
// All start at zero; the model that owns the layer initialises them, or init_uniform does.
class Fff : public FeedForward {
 public:
  // Throws InputError if the trees are not possible.
  Fff(const FeedForwardOptions& options, std::int64_t width, std::int64_t output_width);

  // [..., width] -> [..., output_width]. Leaves the entropy in `context` where routing asks for it, and adds
  // to its statistics. Region leak draws from (context.seed, context.step, this layer's place among tree
  // layers).
  Variable forward(const Variable& x, ForwardContext& context) override;

  // The initial values of the original feedforward layer: U(+-1/sqrt(width)) for weights and biases that read
  // the input, U(+-1/sqrt(units that feed an output)) for those that write it. A function of (seed, name)
  // alone.
  void init_uniform(std::uint64_t seed);

 private:
  int trees_;
  int depth_;
  Variable weight_in_, bias_in_, weight_out_;
};

}  // namespace espalier::nn
