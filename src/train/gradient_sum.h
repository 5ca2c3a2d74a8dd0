// The one place where the gradients of an update's groups become one gradient.
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/nn/module.h"

namespace espalier::train {

// The sum of the groups' gradients, in the order in which they are added. It is kept where it is needed: in
// the parameters, whose gradients each backward pass adds to.
class GradientSum {
 public:
  // `model` must outlive the sum.
  explicit GradientSum(nn::Module& model) : model_(model) {}

  void clear() { model_.clear_gradients(); }
  // Adds the gradient of a group's objective; the backward pass frees its graph.
  void add(const Variable& objective) { backward(objective); }

 private:
  nn::Module& model_;
};

}  // namespace espalier::train
