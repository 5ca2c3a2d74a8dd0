// Straight-through routing (after Bengio, Leonard and Courville, arXiv 1308.3432): forward is the hard
// tree's, and in the gradient a decision counts as
//
//   c = [logit > 0] + sigmoid(logit / temperature) - stop_gradient(sigmoid(logit / temperature)),
//
// so that with v(m) the value of the hard path from node m down to a leaf (sum of gelu(logit) <dy, w_out>, or
// <dy, output of the leaf>), for each level that decides
//
//   dlogit += sigmoid'(logit / temperature) / temperature * (v(right child) - v(left child)).
//
// Siblings are only read: depth (depth + 1) / 2 nodes of a tree of neurons besides the path.
#pragma once

namespace espalier::kernels {

// temperature > 0; a decision with sigmoid'(logit / temperature) / temperature < epsilon gets no such
// gradient, and its sibling is not evaluated.
struct StraightThrough {
  float temperature;
  float epsilon;
};

}  // namespace espalier::kernels
