// A layer of trees of neurons (UltraFastBERT, arXiv 2311.10770) as kernels see it: every node is a neuron,
// gelu(<x, w_in> + bias) * w_out, and the levels above the last decide by the same logit (nodes.h).
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

struct NeuronTree {
  TreeGates gates;  // kind kNeuron
  std::int64_t output_width;
  const float* w_out;  // [trees * nodes, output_width]

  RowSource output_source() const { return {w_out, output_width}; }
};

struct NeuronTreeGradients {
  Destination x;      // [tokens, width]
  Destination w_in;   // [trees * nodes, width]
  Destination bias;   // [trees * nodes]
  Destination w_out;  // [trees * nodes, output_width]
  // [trees * nodes] or null. All 0 before, where neither w_in nor w_out is added to: rows of theirs that are
  // zeros may be left unwritten, and get a 1 here.
  char* unwritten = nullptr;
};

}  // namespace espalier::kernels
