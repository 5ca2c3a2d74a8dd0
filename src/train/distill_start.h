// What new feedforward layers begin with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/nn/masked_lm.h"

namespace espalier::train {

// What a feedforward layer of the teacher read and gave for some tokens, [n, d] each, and how much their
// errors are enlarged before they are squared (none: not at all).
struct LayerSample {
  Tensor input, output;
  std::vector<float> factors;
};

// Whether fit_layer() finds anything to fit in such a layer.
bool can_be_fitted(const nn::FeedForwardOptions& ffn);

// Fits layer `layer` of the student to the sample, part by part on what the parts before leave:
// - dense, and trees of neurons of depth 0: the teacher's units that contribute most,
//   mean(activation^2) |w_out|^2, in their order; the constant part of what the others gave goes into the
//   bias of a dense layer, where there is one;
// - a linear path: the best map of its rank (train/linear_fit.h);
// - deeper trees of neurons: grown (train/tree_fit.h), which can send long tokens to leaves of their own and
//   take them as they are.
// Leaf trees and gated units keep their small random weights. The same bits for any number of threads.
void fit_layer(nn::MaskedLm& student, nn::MaskedLm& teacher, std::int64_t layer, const LayerSample& sample);

}  // namespace espalier::train
