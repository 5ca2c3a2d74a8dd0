// Walks lists of tokens down a tree whose rows are bytes, as HardRoute does: node by node and depth first. A
// list goes down one level at a time: four tokens with one row keep the multipliers as busy as with three, of
// which one would be for nothing.
#pragma once

#include <cstdint>

#include "kernels/quantized_dots.h"
#include "kernels/tree/quantized_neuron_hard.h"

namespace espalier::kernels {

struct QuantizedRoute {
  const QuantizedNeuronTree& tree;
  int k;    // which of its trees
  int end;  // as HardRoute::end
  const QuantizedRows& x;
  float* logits;          // [tokens, trees, levels]
  std::int32_t* arrival;  // [tokens, trees]
  // Rows serve so few tokens that it pays to fetch those of both children, and of the output, before their
  // turn.
  bool prefetch = false;
  QuantizedDots dots = quantized_dots();

  // As HardRoute::run(), but spare: room for `count`.
  void run(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count, std::int32_t* spare) const;
};

}  // namespace espalier::kernels
