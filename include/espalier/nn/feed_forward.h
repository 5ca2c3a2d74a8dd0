// The layer between attention and the next one: a tree (nn/fff.h) or one of its dense controls,
//   activation(x W_in^T) W_out^T,  or gated  (u gelu(g)) W_out^T with (u, g) the halves of x W_in^T (and
//   biases). Beside any of them may run an always-on linear path of low rank,
//   f(x) + (x W_down^T) W_up^T (and a bias), or alone where the layer is dense of width 0.
#pragma once

#include <memory>

#include "espalier/nn/context.h"
#include "espalier/nn/linear.h"
#include "espalier/nn/options.h"

namespace espalier::nn {

class FeedForward : public Module {
 public:
  // [..., d] -> [..., d]
  virtual Variable forward(const Variable& x, ForwardContext& context) = 0;
};

// The layer that `options` ask for, or null where has_feed_forward() is false.
std::unique_ptr<FeedForward> make_feed_forward(const EncoderOptions& options);
// Its parameters, if there is one.
void describe_feed_forward(const ParameterList& list, const EncoderOptions& options);

}  // namespace espalier::nn
