// The hard tree of neurons (neuron_hard.h) with rows of bytes: a visit reads a quarter of the memory. Rows of
// w_in and of w_out are quantised node by node, tokens one by one:
//
//   logit = float(exact sum of byte products) * (x_scale * in_scale) + bias,
//   y = sum over trees and over the path, root first, of  (gelu(logit) * out_scale) * bytes of w_out
//
// Decisions follow this logit. Each operation in float32 is rounded on its own, so that logits and paths have
// the same bits on every machine, and outputs where gelu() has; they depend on the token alone.
#pragma once

#include <cstdint>

#include "kernels/quantize.h"
#include "kernels/tree/neuron_tree.h"

namespace espalier::kernels {

struct QuantizedNeuronTree {
  QuantizedNeuronTree() = default;
  // Copies what it needs of `tree`.
  explicit QuantizedNeuronTree(const NeuronTree& tree);
  // Of rows that were quantised before; `bias` has one a row of `in`.
  QuantizedNeuronTree(int trees_in, int depth_in, QuantizedRows in_rows, const float* bias_in,
                      QuantizedRows out_rows);

  std::int32_t nodes() const { return (std::int32_t{2} << depth) - 1; }
  int levels() const { return depth + 1; }

  int trees = 0;
  int depth = 0;
  QuantizedRows in;   // [trees * nodes, width]
  QuantizedRows out;  // [trees * nodes, output_width]
  Scratch<float> bias;
};

// As neuron_tree_hard_forward().
void quantized_neuron_tree_forward(const QuantizedNeuronTree& tree, std::int64_t tokens, const float* x,
                                   float* logits, std::int32_t* leaf, float* y);

}  // namespace espalier::kernels
