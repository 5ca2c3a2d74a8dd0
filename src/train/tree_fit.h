// Trees of neurons that begin by knowing what they are to give.
#pragma once

#include <cstdint>

#include "espalier/ops/tree_size.h"
#include "espalier/tensor/tensor.h"

namespace espalier::train {

// The weights of trees of neurons (ops/neuron_tree.h).
struct TreeWeights {
  Tensor w_in, bias, w_out;
};

// Grows trees of hard routing that give about `y` [n, d_out] where they read `x` [n, d], one after the other,
// each on what those before it leave of y; subtracts from y what they give. `weights`, of the sizes of
// `size`, are overwritten, but for decisions of nodes that too few of the rows reach, which keep their
// direction.
//
// From the root down, a node looks along the direction in which x has the largest covariance with what is
// left of y (partial least squares; Wold, 1975), from the median on, so that half of its tokens go each way,
// in units of the standard deviation; its output is the least squares fit. A leaf node, which decides
// nothing, begins as the constant that is the mean of what is left. Decisions at random would divide tokens
// of no meaning together, and random directions of BERT's states, which have a large common part, would send
// all tokens one way. The same bits for any number of threads.
void grow_trees(const Tensor& x, Tensor& y, const ops::TreeSize& size, TreeWeights& weights);

}  // namespace espalier::train
