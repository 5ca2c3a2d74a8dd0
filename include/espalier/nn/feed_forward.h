#pragma once

#include <memory>

#include "espalier/nn/context.h"
#include "espalier/nn/linear.h"
#include "espalier/nn/options.h"

namespace espalier::nn {

// The layer between attention and the next one: a tree or one of its dense controls.
class FeedForward : public Module {
 public:
  // [..., d] -> [..., d]
  virtual Variable forward(const Variable& x, ForwardContext& context) = 0;
};

// The layer that `options` ask for, or null for a dense layer of width 0.
std::unique_ptr<FeedForward> make_feed_forward(const CrammedBertOptions& options);

}  // namespace espalier::nn
